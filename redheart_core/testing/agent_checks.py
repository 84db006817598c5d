"""Checks of how agents learn: what they do, from what, and that nothing of it is lost or shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.agents.trainer import AgentTrainer, load_learner
from redheart_core.config.tables import TrainSettings
from redheart_core.contract.agents import AgentSpec, Learner, Seats, Transitions
from redheart_core.storage.runtime import generator
from redheart_core.storage.settings import read_table
from redheart_core.testing.learning_checks import leaves_of
from redheart_core.testing.plugin import Plugin, require

SEED = 20260
AGENTS, OBSERVED, ACTED = ("agent_0", "agent_1", "agent_2"), (4, 3, 2), (2, 1, 3)
"""Agents of different spaces, as an environment may have them."""
ROWS, UPDATES, MOST_UPDATES, LEARNING_UPDATES = 16, 4, 100, 300
"""Steps of a batch; updates that are enough to tell trainings apart; those in which every part has to begin to learn;
those in which an easy problem is learnt."""
BEST = 0.4
"""The best action of that problem."""
LEARNT = 0.5
"""Share of the way from the first return to the best one that has to be learnt."""
TRAINING = TrainSettings(
    seed=SEED, scale="tiny", learning_rate=0.01, warmup_updates=0, final_rate=1.0, weight_decay=0.0, clip_norm=10.0
)


@attrs.frozen(eq=False)
class AgentSubject:
    """A way to learn, at the tiny scale."""

    plugin: Plugin
    spec: AgentSpec
    settings: Any

    def trainer(self, agent: int = 0, *, agents: int = len(AGENTS), seed: int = SEED) -> AgentTrainer:
        """A new one of one of so many agents."""
        order = [(agent + step) % agents for step in range(agents)]
        seats = Seats(
            self.settings,
            tuple(AGENTS[one] for one in order),
            tuple(OBSERVED[one] for one in order),
            tuple(ACTED[one] for one in order),
        )
        training = attrs.evolve(TRAINING, seed=seed)
        return AgentTrainer(AGENTS[agent], self.spec, seats, training, MOST_UPDATES, torch.device("cpu"))

    def team(self) -> list[AgentTrainer]:
        """New ones of all agents."""
        return [self.trainer(agent) for agent in range(len(AGENTS))]


def agent_subject(plugin: Plugin, spec: AgentSpec, settings: Mapping[str, Any] | None = None) -> AgentSubject:
    """A way to learn with settings, or its defaults, over those of the tiny scale."""
    table = {**spec.scales["tiny"], **(settings or {})}
    return AgentSubject(plugin, spec, read_table(spec.settings, table, f"[plugins.{plugin.name}]"))


@torch.no_grad()
def check_actions(subject: AgentSubject) -> None:
    """Agents and their targets act within -1..1 in every row, whatever they observe; noise has its shape."""
    for agent, trainer in enumerate(subject.team()):
        learner, acted = trainer.learner, ACTED[agent]
        learner.module.eval()
        for rows in (1, ROWS):
            for scale in (1.0, 1e3):
                seen = scale * torch.randn(rows, OBSERVED[agent], generator=generator(SEED, agent, rows))
                for what, found in (
                    ("act", learner.act(seen)),
                    ("next_actions", learner.next_actions(seen, generator(SEED, "targets"))),
                ):
                    _require_shape(subject, what, found, rows, acted)
                    require(
                        subject.plugin,
                        bool((found.abs() <= 1).all()),
                        f"{what} gives {found.abs().max():.4g}; actions are -1..1, which the core maps to the "
                        "environment's bounds",
                    )
                require(
                    subject.plugin,
                    torch.equal(learner.act(seen), learner.act(seen)),
                    "act gives another action for the same observations; exploration belongs into noise",
                )
        first = learner.noise(None, (ROWS, acted), 0.0, generator(SEED, "noise"))
        _require_shape(subject, "noise", first, ROWS, acted)
        _require_shape(subject, "noise", learner.noise(first, (ROWS, acted), 1.0, generator(SEED)), ROWS, acted)


def check_no_gradient_crosses(subject: AgentSubject) -> None:
    """An agent's losses have gradients for its own parameters alone, and agents share no weight."""
    team = subject.team()
    owners: dict[int, str] = {}
    for trainer in team:
        for name, one in trainer.learner.module.state_dict().items():
            owner = owners.setdefault(one.data_ptr(), trainer.group)
            require(
                subject.plugin,
                owner == trainer.group or not one.numel(),
                f"{name} of {trainer.group} is that of {owner}; build makes networks of its own for each agent",
            )
    for agent, trainer in enumerate(team):
        names = {id(one): name for name, one in trainer.learner.module.named_parameters()}
        for part in trainer.parts:
            loss = _first_loss(trainer, part, batch_for(team, agent, "gradients"))
            foreign = [tuple(leaf.shape) for leaf in leaves_of(loss) if id(leaf) not in names]
            require(
                subject.plugin,
                not foreign,
                f"the loss of {part} has gradients for {len(foreign)} tensors that are no parameters of its agent, of "
                f"the shapes {', '.join(map(str, foreign))}; others' observations and actions are numbers",
            )


def check_every_parameter_learns(subject: AgentSubject) -> None:
    """Every part learns, and every parameter that requires a gradient gets one that is not 0."""
    team = subject.team()
    for agent, trainer in enumerate(team):
        number = 0
        while number < UPDATES or (trainer.descended != set(trainer.parts) and number < MOST_UPDATES):
            trainer.update(batch_for(team, agent, number), number)
            number += 1
        idle = sorted(set(trainer.parts) - trainer.descended)
        require(
            subject.plugin,
            not idle,
            f"the loss of {', '.join(idle)} was None in all of {MOST_UPDATES} updates in a row",
        )
        trainer.require_alive()


def check_same_seed_same_bits(subject: AgentSubject) -> None:
    """The same seed and batches give the same weights to the last bit, and another seed others."""
    others = subject.team()
    first, again, other = (_trained(subject.trainer(seed=seed), others) for seed in (SEED, SEED, SEED + 1))
    differing = _differing(first.weights(), again.weights())
    require(
        subject.plugin,
        not differing,
        f"with the same seed and batches, two trainings differ in {differing}; draw random numbers from torch's "
        "generator in build, and from the stream that is given elsewhere",
    )
    require(
        subject.plugin,
        bool(_differing(subject.trainer().weights(), subject.trainer(seed=SEED + 1).weights())),
        "the seed changes no weight that build draws, so several seeds are one training",
    )
    require(subject.plugin, bool(_differing(first.weights(), other.weights())), "trainings of two seeds are the same")


def check_saving_keeps_everything(subject: AgentSubject) -> None:
    """Weights and optimizer that are saved and loaded into new networks learn on to the same bits."""
    others = subject.team()
    whole = _trained(subject.trainer(), others)
    restored = subject.trainer(seed=SEED + 1)
    load_learner(restored.learner, subject.spec, {name: one.clone() for name, one in whole.weights().items()})
    restored.load_optimizer({name: one.clone() for name, one in whole.optimizer_tensors().items()})
    seen = torch.randn(ROWS, OBSERVED[0], generator=generator(SEED, "seen"))
    for trainer in (whole, restored):
        _trained(trainer, others, UPDATES)
        trainer.learner.module.eval()
    with torch.no_grad():
        same = torch.equal(whole.learner.act(seen), restored.learner.act(seen))
    differing = _differing(whole.weights(), restored.weights())
    require(
        subject.plugin,
        same and not differing,
        f"what was loaded learns on to other bits ({differing or 'in what act gives'}); all state of a learner belongs "
        "into its module",
    )


def check_learns(subject: AgentSubject) -> None:
    """From random actions, with the reward 0 for one action and less for others, it learns to act better."""
    trainer, stream = subject.trainer(agents=1), generator(SEED, "easy")
    first = found = _easy_return(trainer.learner)
    for number in range(LEARNING_UPDATES):
        seen = torch.randn(4 * ROWS, OBSERVED[0], generator=stream)
        actions = torch.rand(4 * ROWS, ACTED[0], generator=stream) * 2 - 1
        with torch.no_grad():
            then = trainer.learner.next_actions(seen, stream)
        ends, rewards = torch.ones(4 * ROWS), -(actions - BEST).square().sum(1)
        trainer.learner.module.train()
        trainer.update(Transitions((seen,), (actions,), rewards, ends, (seen,), (then,)), number)
        if number % 10 == 9 and (found := _easy_return(trainer.learner)) >= first * (1 - LEARNT):
            return
    require(
        subject.plugin,
        False,
        f"in {LEARNING_UPDATES} updates from random actions the mean return has to come {LEARNT:.0%} of the way to the "
        f"best one, 0; it went from {first:.4g} to {found:.4g}",
    )


def batch_for(team: Sequence[AgentTrainer], agent: int, number: object) -> Transitions:
    """Made-up steps as one of all agents sees them."""
    order = [(agent + step) % len(team) for step in range(len(team))]
    stream = generator(SEED, "batch", agent, number)

    def draw(sizes: Sequence[int], limit: bool) -> tuple[Tensor, ...]:
        drawn = [torch.randn(ROWS, sizes[one], generator=stream) for one in order]
        return tuple(one.clamp(-1, 1) if limit else one for one in drawn)

    after = draw(OBSERVED, limit=False)
    with torch.no_grad():
        then = tuple(team[one].learner.next_actions(seen, stream) for one, seen in zip(order, after, strict=True))
    return Transitions(
        draw(OBSERVED, limit=False),
        draw(ACTED, limit=True),
        torch.randn(ROWS, generator=stream),
        (torch.rand(ROWS, generator=stream) < 0.5).float(),
        after,
        then,
    )


def _trained(trainer: AgentTrainer, team: Sequence[AgentTrainer], begin: int = 0) -> AgentTrainer:
    """The same after some updates from batches in which others do not change."""
    trainer.learner.module.train()
    for number in range(begin, begin + UPDATES):
        trainer.update(batch_for([trainer, *team[1:]], 0, number), number)
    return trainer


def _first_loss(trainer: AgentTrainer, part: str, batch: Transitions) -> Tensor:
    """Of the first update in which a part learns."""
    for number in range(MOST_UPDATES):
        loss = trainer.learner.loss(part, batch, number)
        if loss is not None:
            return loss
    return torch.zeros(())


@torch.no_grad()
def _easy_return(learner: Learner) -> float:
    learner.module.eval()
    seen = torch.randn(64, OBSERVED[0], generator=generator(SEED, "easy return"))
    return -float((learner.act(seen) - BEST).square().sum(1).mean())


def _differing(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str:
    return ", ".join(name for name in one if not torch.equal(one[name], other[name]))


def _require_shape(subject: AgentSubject, what: str, found: Tensor, rows: int, acted: int) -> None:
    require(
        subject.plugin,
        found.shape == (rows, acted) and bool(torch.isfinite(found).all()),
        f"{what} has to give finite numbers of the shape ({rows}, {acted}), got {tuple(found.shape)}",
    )
