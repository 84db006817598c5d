"""A training of agents goes on to the same bits, and each agent learns from its own loss alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from toy_worlds import PLAYING, Meeting, ToySettings, context, described

from redheart_core import EpochFinished, hookimpl
from redheart_core.agents import loop
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.episodes import play
from redheart_core.agents.learning import batch_of, update_all
from redheart_core.agents.loop import train_agents
from redheart_core.agents.replay import Replay
from redheart_core.contract.errors import AuditError, CheckpointError, SettingsError
from redheart_core.discovery.calls import Hooks
from redheart_core.discovery.offers import plugin_manager
from redheart_core.runs.run import RunFolder
from redheart_core.training.group_trainer import GroupFault
from redheart_multi_agent import redheart_provide_agents
from redheart_multi_agent.learner import ActorCritic

[SPEC] = redheart_provide_agents()


class Killed(BaseException):
    """Stands for a kill: nothing deals with it."""


def train(folder: Path, of: AgentsContext, *listeners: object) -> dict[str, str]:
    manager = plugin_manager()
    for listener in listeners:
        manager.register(listener)
    return train_agents(RunFolder(folder), of, described(of), Hooks(manager.hook))


def files(folder: Path) -> dict[str, bytes]:
    """What decides how a run goes on and what it is worth; run.json also has the time."""
    names = [path for path in folder.rglob("*") if path.suffix in (".safetensors", ".json") and path.name != "run.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in names}


class Killer:
    """Kills when a group has finished an epoch."""

    def __init__(self, group: str, epoch: int) -> None:
        self.at = (group, epoch)

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        if (event.group, event.epoch) == self.at:
            raise Killed


@pytest.mark.slow
@pytest.mark.parametrize("playing", [PLAYING, attrs.evolve(PLAYING, shared=True, communication=True)])
def test_a_killed_training_goes_on_to_the_same_bits(
    playing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fresh() -> AgentsContext:
        return context(SPEC, playing=playing, noise="ornstein_uhlenbeck")

    train(tmp_path / "whole", fresh())
    folder = tmp_path / "killed"
    for listener in (Killer("agent_0", 1), Killer("agent_0", 2), Killer("agent_1", 2)):  # between two agents' epochs
        with pytest.raises(Killed):
            train(folder, fresh(), listener)
    count = 0
    update = update_all

    def dying(*arguments: Any) -> None:
        nonlocal count
        count += 1
        if count == 5:
            raise Killed
        update(*arguments)

    with monkeypatch.context() as patched:  # in the midst of an epoch
        patched.setattr(loop, "update_all", dying)
        with pytest.raises(Killed):
            train(folder, fresh())
    with monkeypatch.context() as patched:  # before the joint state counts
        patched.setattr(loop, "commit", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            train(folder, fresh())
    assert train(folder, fresh()) == {}
    assert files(folder) == files(tmp_path / "whole")
    assert (folder / "agents" / "state-0004.safetensors").exists()


@pytest.mark.slow
def test_a_finished_training_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, context(SPEC))
    before = files(tmp_path)
    monkeypatch.setattr(loop, "play", None)
    assert train(tmp_path, context(SPEC)) == {}
    assert files(tmp_path) == before


@pytest.mark.slow
def test_another_seed_is_another_training_and_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "one", context(SPEC))
    other = context(SPEC, training=attrs.evolve(context(SPEC).training, seed=1))
    with pytest.raises(CheckpointError, match="seed was 0, is 1"):
        train(tmp_path / "one", other)
    train(tmp_path / "other", other)
    assert files(tmp_path / "one") != files(tmp_path / "other")
    with pytest.raises(CheckpointError, match=r"environment: playing was .*'updates': 2.* is .*'updates': 3"):
        train(tmp_path / "one", context(SPEC, playing=attrs.evolve(PLAYING, updates=3)))


def filled(of: AgentsContext) -> tuple[list[Any], Replay]:
    trainers, replay = of.trainers(), Replay(of.agents.replay, of.observed(), of.world.actions)
    play(of.world, [1, 2, 3], lambda seen, n: tuple(torch.rand(len(n), 1) - 0.5 for _ in seen), 9, None, replay.add)
    return trainers, replay


@pytest.mark.parametrize("shared", [False, True])
def test_no_gradient_crosses_from_one_agent_to_another(shared: bool) -> None:
    """Another agent's loss may become anything: an update leaves the same bits. Its weights do count, through what its
    target would do."""

    def once(spoil: Callable[[Any], None]) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        of = context(SPEC, playing=attrs.evolve(PLAYING, shared=shared), delay=1)
        trainers, replay = filled(of)
        spoil(trainers[1])
        update_all(of, trainers, replay, 0)
        return {name: one.clone() for name, one in trainers[0].weights().items()}

    def another_loss(trainer: Any) -> None:
        own = trainer.learner.loss
        trainer.learner.loss = lambda *arguments: None if (found := own(*arguments)) is None else -7 * found

    def other_targets(trainer: Any) -> None:
        for parameter in trainer.learner.networks.target_actor.parameters():
            parameter.data += 1

    plain = once(lambda _: None)
    spoilt, other = once(another_loss), once(other_targets)
    assert all(plain[name].equal(spoilt[name]) for name in plain)
    assert not all(plain[name].equal(other[name]) for name in plain)


def test_shared_experience_is_seen_from_the_seat_of_the_one_who_lived_through_it() -> None:
    of = context(SPEC, playing=attrs.evolve(PLAYING, shared=True))
    trainers, replay = filled(of)
    batch = batch_of(of, [one.learner for one in trainers], replay, 1, of.stream("batch"))
    assert batch is not None
    own = {tuple(row.tolist()) for row in replay.columns["observations/1"][: replay.size]}
    others = {tuple(row.tolist()) for row in replay.columns["observations/0"][: replay.size]}
    mine, beside = ([tuple(row.tolist()) for row in batch.observations[place]] for place in (0, 1))
    assert any(row in others - own for row in mine)
    assert any(row in own - others for row in mine)
    for row, other, reward in zip(mine, beside, batch.rewards.tolist(), strict=True):
        seat = 1 if row in own else 0
        assert other in (others if seat == 1 else own)
        place = replay.columns[f"observations/{seat}"].tolist().index(list(row))
        assert reward == replay.columns["rewards"][place, seat].item()


def test_enough_is_remembered_before_the_first_epoch_so_that_every_epoch_learns(tmp_path: Path) -> None:
    few = attrs.evolve(context(SPEC).training, epochs=2)
    train(tmp_path, context(SPEC, training=few, playing=attrs.evolve(PLAYING, begin=40, episodes=1)))
    entries = RunFolder(tmp_path).group("agent_0").read().epochs
    assert [entry.updates for entry in entries] == [2, 2]
    assert all(entry.train_loss > 0 for entry in entries)


def test_a_part_that_never_learns_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = attrs.evolve(context(SPEC).training, epochs=1)
    with pytest.raises(AuditError, match="none of the 12 updates of this run would reach actor of agent_0, actor of"):
        train(tmp_path / "actor", context(SPEC, training=few, delay=13))
    assert not RunFolder(tmp_path / "actor").group("agent_0").read().epochs
    train(tmp_path / "late", context(SPEC, training=few, delay=12))
    loss = ActorCritic.loss
    late = attrs.evolve(few, epochs=2)
    monkeypatch.setattr(
        ActorCritic, "loss", lambda self, part, batch, at: loss(self, part, batch, at) if at > 11 else None
    )
    stopped = train(tmp_path / "critics", context(SPEC, training=late))
    assert "the loss of 'critics' was None in all updates of an epoch" in stopped["agent_0"]


def test_an_agent_that_has_not_acted_has_nothing_to_learn_from() -> None:
    of = context(SPEC)
    trainers, replay = filled(of)
    replay.columns["present"][:, 1] = False
    with pytest.raises(GroupFault, match=f"agent_1 did not act in any of the {replay.size} steps"):
        update_all(of, trainers, replay, 0)


def test_a_loss_that_is_not_finite_stops_all_and_says_why(tmp_path: Path) -> None:
    class Exploding(Meeting):
        def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
            seen, rewards, *rest = super().step(actions)
            return seen, dict.fromkeys(rewards, 3e38), *rest

    stopped = train(tmp_path, context(SPEC, Exploding))
    assert set(stopped) == {"agent_0", "agent_1"}
    assert "of critics became inf in update 1" in stopped["agent_0"]
    assert train(tmp_path, context(SPEC, Exploding)) == stopped
    assert RunFolder(tmp_path).group("agent_1").read().status == "stopped"


def test_settings_that_agents_cannot_have_are_refused() -> None:
    with pytest.raises(SettingsError, match="begin = 50 has to be at most replay = 40"):
        context(SPEC, playing=attrs.evolve(PLAYING, begin=50))
    with pytest.raises(SettingsError, match=r"need several agents of equal spaces.* agent_0 \(2 observed, 1 set\)"):
        context(SPEC, toy=ToySettings(agents=1), playing=attrs.evolve(PLAYING, shared=True))
