"""The training of agents: epochs of episodes, in which all agents learn side by side.

What the promise of islands means here: no gradient crosses from one agent to another, and each agent has an optimizer,
random streams, epochs and files of its own. Agents are not independent, though: each lives among the others, so that
what it learns follows from what they do. A training of some agents alone would be another one, and is refused.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.agents.acting import at_random, episode_seeds, exploring, play_team
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.episodes import Act, Played, play
from redheart_core.agents.learning import batch_of, listening_weights, update_all
from redheart_core.agents.progress import checkpoint, commit, restore, save
from redheart_core.agents.replay import Replay
from redheart_core.agents.trainer import AgentTrainer
from redheart_core.contract.errors import AuditError, CheckpointError, DataError, PluginError
from redheart_core.contract.events import GroupStopped, RunFinished, RunStarted
from redheart_core.discovery.calls import Hooks
from redheart_core.groups.plugin_calls import naming
from redheart_core.runs.accounts import add_accounts
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.description import RunDescription
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.retention import Retention
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import make_folder
from redheart_core.storage.locks import locked_groups
from redheart_core.training.finished_epoch import event
from redheart_core.training.group_trainer import GroupFault
from redheart_core.training.progress import write_stop


def train_agents(run: RunFolder, context: AgentsContext, description: RunDescription, hooks: Hooks) -> dict[str, str]:
    """Train all agents to the last epoch, from wherever an earlier process stopped, to the same bits.

    Args:
        run: Its folder.
        context: The environment and the settings.
        description: What run.json says, or will say.
        hooks: Called with the events.

    Returns:
        The groups that stopped at a fault, with the reason: if one cannot go on, none can.

    Raises:
        RedheartError: Settings, plugins or the environment are wrong, a file cannot be written, or another process
            trains the run.
    """
    make_folder(run.path)
    with locked_groups(run.path, context.world.groups):
        run.begin(description)
        return _Training(run, context, hooks).run_epochs()


@attrs.define(eq=False)
class _Training:
    """One process's work on a run of agents."""

    run: RunFolder
    context: AgentsContext
    hooks: Hooks
    trainers: list[AgentTrainer] = attrs.field(init=False)
    replay: Replay = attrs.field(init=False)
    listening: Tensor | None = attrs.field(init=False)
    manifests: list[GroupManifest] = attrs.field(init=False)
    audited: bool = attrs.field(init=False)

    def run_epochs(self) -> dict[str, str]:
        context, groups = self.context, self.context.world.groups
        self.trainers = context.trainers()
        self.replay = Replay(context.agents.replay, context.observed(), context.world.actions)
        self.manifests, last = [folder.read() for folder in self.folders()], context.training.epochs
        if all(one.status == "finished" for one in self.manifests):
            done, self.listening = last, None  # nothing goes on from the state, which a sweep does not keep
        else:
            done, self.listening = restore(self.run, self.trainers, self.replay, context.listening())
        self.audited = (self.run.path / "audit.json").exists()
        if self.audited:
            self.stop_counting()
        self.require_consistent(done)
        self.hooks.before_run(
            RunStarted(self.run.path, groups, dict.fromkeys(groups, last), dict.fromkeys(groups, done))
        )
        stopped = {one.group: one.reason for one in self.manifests if one.status == "stopped"}
        for epoch in range(done + 1, last + 1) if not stopped else ():
            try:
                self.run_epoch(epoch)
            except (GroupFault, DataError, PluginError) as fault:
                stopped = self.stop(epoch, str(fault))
                break
        if not stopped:
            self.finish()
        self.hooks.after_run(RunFinished(self.run.path, tuple(stopped)))
        return stopped

    def folders(self) -> list[GroupFolder]:
        return [self.run.group(name) for name in self.context.world.groups]

    def require_consistent(self, done: int) -> None:
        """Refuse folders of groups that do not belong to the state that all go on from.

        Raises:
            CheckpointError: A group has fewer epochs, or more than the one that was being written.
        """
        for manifest in self.manifests:
            newest = manifest.epochs[-1].epoch if manifest.epochs else 0
            if newest not in (done, done + 1):
                raise CheckpointError(
                    f"group '{manifest.group}' is at epoch {newest}, all agents together are at {done}; agents go on "
                    "together, so restore the whole folder of the run from a copy"
                )

    def run_epoch(self, epoch: int) -> None:
        """Episodes with noise, updates after each block of them, then episodes without noise and the checkpoints."""
        started, context = time.monotonic(), self.context
        returns = self.learn(epoch)
        evaluated = play_team(
            context, [one.learner for one in self.trainers],
            episode_seeds(context, context.agents.evaluation_episodes, "evaluation"), self.listening,
        )  # fmt: skip
        if not self.audited and all(one.descended == set(one.parts) for one in self.trainers):
            self.audit()
        self.write(epoch, evaluated, time.monotonic() - started)
        if self.listening is not None:
            self.listening = listening_weights(returns.mean(0), context.agents.temperature)
        commit(self.run, save(self.run, epoch, self.trainers, self.replay, self.listening))

    def learn(self, epoch: int) -> Tensor:
        """The episodes of an epoch and their updates; the returns, (episodes, N)."""
        context, settings = self.context, self.context.agents
        self.remember_enough()
        if epoch == 1:
            self.require_learning()
        returns, number = [], (epoch - 1) * context.updates_per_epoch
        for first in range(0, settings.episodes, settings.together):
            count = min(settings.together, settings.episodes - first)
            played = self.gather(epoch, first, count)
            returns.append(played.returns)
            for _ in range(settings.updates * count):
                update_all(context, self.trainers, self.replay, number)
                number += 1
        return torch.cat(returns)

    def remember_enough(self) -> None:
        """Episodes at random before the first epoch, so that every epoch learns."""
        context, block = self.context, 0
        while self.replay.size < context.agents.begin:
            streams = [context.stream("begin", group, block) for group in context.world.groups]
            seeds = episode_seeds(context, context.agents.together, "begin", block)
            self.play(seeds, at_random(context.world, streams))
            block += 1

    def gather(self, epoch: int, first: int, count: int) -> Played:
        """A block of episodes with noise."""
        context, learners = self.context, [one.learner for one in self.trainers]
        progress = (epoch - 1 + first / context.agents.episodes) / context.training.epochs
        for learner in learners:
            learner.module.eval()
        act = exploring(context, learners, count, progress, epoch, first)
        return self.play(episode_seeds(context, count, "episode", epoch, first), act)

    def play(self, seeds: Sequence[int], act: Act) -> Played:
        """Episodes that are remembered."""
        context = self.context
        return play(context.world, seeds, act, context.agents.steps, self.listening, self.replay.add)

    def write(self, epoch: int, evaluated: Played, seconds: float) -> None:
        """Each agent's checkpoint, whose loss is its mean return with the sign changed.

        Raises:
            CheckpointError: An epoch that a killed process had begun to write is there with other weights.
        """
        team = evaluated.returns.sum(1).mean().item()
        for agent, (trainer, folder) in enumerate(zip(self.trainers, self.folders(), strict=True)):
            own, name = evaluated.returns[:, agent], trainer.spec.name
            entry = {
                "epoch": epoch,
                "validation_loss": -own.mean().item(),
                "metrics": {f"{name}.return": own.mean().item(), f"{name}.team_return": team},
                **trainer.take_record(),
            }
            there = self.manifests[agent].entry(epoch)
            if there is not None and there.validation_loss != entry["validation_loss"]:
                raise CheckpointError(
                    f"group '{trainer.group}' has an epoch {epoch} with another result than this process gets; "
                    "restore the run's folder from a copy, or train again into another folder"
                )
            if there is None:
                self.manifests[agent] = folder.add_epoch(
                    self.manifests[agent],
                    entry,
                    checkpoint(trainer, agent, self.listening),
                    {},
                    -own,
                    Retention.of(self.context.training),
                )
            finished = event(trainer.group, self.context.training.epochs, seconds, entry)
            self.hooks.after_epoch(attrs.evolve(finished, agent_return=own.mean().item()))

    def require_learning(self) -> None:
        """Every part of every agent learns in one of the updates to come.

        Raises:
            AuditError: Names those that would never begin.
        """
        context, idle = self.context, []
        total = context.updates_per_epoch * context.training.epochs
        learners = [one.learner for one in self.trainers]
        for agent, trainer in enumerate(self.trainers):
            batch = batch_of(context, learners, self.replay, agent, context.stream("batch", trainer.group, 0))
            for part in trainer.parts:
                with naming(context.spec.name, "loss"):
                    if all(trainer.learner.loss(part, batch, number) is None for number in range(total)):
                        idle.append(f"{part} of {trainer.group}")
        if idle:
            raise AuditError(
                f"none of the {total} updates of this run would reach {', '.join(idle)}; give more epochs, or more "
                f"updates or episodes under [agents], or let them begin earlier under [plugins.{context.spec.name}]"
            )

    def audit(self) -> None:
        """Write the account of every parameter.

        Raises:
            AuditError: One got no gradient in an epoch.
        """
        groups = list(self.context.world.groups)
        accounts = [account for trainer in self.trainers for account in trainer.accounts()]
        add_accounts(self.run.path, accounts, groups, groups)
        for trainer in self.trainers:
            trainer.require_alive()
        self.audited = True
        self.stop_counting()

    def stop_counting(self) -> None:
        """No agent looks any more at which elements get a gradient."""
        for trainer in self.trainers:
            trainer.counted.clear()

    def finish(self) -> None:
        """Write that the last epoch is done.

        Raises:
            AuditError: A part has never learnt.
        """
        if not self.audited:
            idle = [
                f"{part} of {one.group}" for one in self.trainers for part in one.parts if part not in one.descended
            ]
            raise AuditError(
                f"no update has reached {', '.join(idle)}, so nobody can say whether every parameter learns; give more "
                "updates or episodes under [agents]"
            )
        for agent, folder in enumerate(self.folders()):
            if self.manifests[agent].status != "finished":
                self.manifests[agent] = attrs.evolve(self.manifests[agent], status="finished")
                folder.write(self.manifests[agent])

    def stop(self, epoch: int, reason: str) -> dict[str, str]:
        """Write and report that the agents do not go on, none without the others."""
        stopped = {}
        for agent, folder in enumerate(self.folders()):
            self.manifests[agent] = write_stop(folder, self.manifests[agent], reason)
            stopped[self.manifests[agent].group] = reason
            self.hooks.after_group_stopped(GroupStopped(self.manifests[agent].group, epoch, reason))
        return stopped


def newest_epoch(manifests: Sequence[GroupManifest]) -> int:
    """The newest epoch that all agents have on disk."""
    common = set.intersection(*({entry.epoch for entry in one.epochs} for one in manifests))
    return max(common, default=0)
