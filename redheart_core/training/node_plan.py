"""How long a training takes on several nodes, from what its groups cost in a run that has done some epochs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import attrs

from redheart_core.contract.errors import CheckpointError, join_complaints
from redheart_core.groups.group import Group
from redheart_core.runs.status import GroupStatus
from redheart_core.training.context import TrainingContext
from redheart_core.training.list_schedule import Schedule, Task, list_schedule

Progress = Callable[[str, int, int], None]


@attrs.frozen
class GroupCost:
    """Seconds of one group."""

    name: str
    tier: int
    reads: tuple[str, ...]
    epoch: float
    """Updates, validation and saving of an epoch, or the fit of a closed form."""
    epochs: int
    audit: float
    """Of building the group, and of accounting for its parameters before its first epoch."""
    outputs: float
    """Of what the groups above read of it."""

    @property
    def training(self) -> float:
        """From the first epoch to the last."""
        return self.audit + self.epoch * self.epochs


@attrs.frozen
class NodePlan:
    """A training as one process, and as tasks on nodes."""

    groups: tuple[GroupCost, ...]
    start: float
    """Of a process that trains: importing libraries."""
    opening: float
    """Of a task: plugins, data and settings of the run."""

    @property
    def alone(self) -> float:
        """Seconds of one process that trains all groups."""
        read = {name for group in self.groups for name in group.reads}
        outputs = sum(group.outputs for group in self.groups if group.name in read)
        return self.start + self.opening + sum(group.training for group in self.groups) + outputs

    @property
    def tasks(self) -> dict[str, Task]:
        """A task opens the run, computes what it reads of the groups below, and trains its group; the longest first."""
        costs = {group.name: group for group in self.groups}
        below: dict[str, set[str]] = {}
        for group in self.groups:  # lower tiers first
            below[group.name] = set(group.reads).union(*(below[name] for name in group.reads))
        tasks = {
            group.name: Task(
                self.opening + sum(costs[name].outputs for name in below[group.name]) + group.training, group.reads
            )
            for group in self.groups
        }
        return dict(sorted(tasks.items(), key=lambda item: -item[1].seconds))

    def on(self, nodes: int) -> Schedule:
        """The training on so many nodes, a task at a time on each."""
        return list_schedule(self.tasks, nodes, self.start)


def plan_nodes(
    context: TrainingContext, status: Sequence[GroupStatus], opening: float, progress: Progress | None = None
) -> NodePlan:
    """Take the seconds of epochs from a run, and measure the rest on its modules as they are built.

    Args:
        context: Of the run, with nothing computed yet.
        status: How far its groups are.
        opening: Seconds that opening the run has just taken.
        progress: Called with the groups that are measured.

    Raises:
        CheckpointError: A group has done no epoch, so that nothing is known of it.
    """
    known, found, missing = {group.name: group for group in status}, [], []
    for number, group in enumerate(context.groups):
        if progress:
            progress("plan", number, len(context.groups))
        cost = _measure(context, group, known[group.name])
        if cost is None:
            missing.append(f"'{group.name}'")
        else:
            found.append(cost)
    if missing:
        raise CheckpointError(
            join_complaints("groups have done no epoch yet, so that nothing is known of their time:", missing)
            + "\ntrain the run for some epochs first; it may be stopped then"
        )
    return NodePlan(tuple(found), _start_seconds(), opening)


def _measure(context: TrainingContext, group: Group, status: GroupStatus) -> GroupCost | None:
    """What a group costs; None if it learns and has done no epoch."""
    started = time.perf_counter()
    if group.fitted:
        module, epochs = context.module(group), 1
    else:
        trainer = context.trainer(group)
        module, epochs = trainer.module, status.planned if trainer.optimizer is not None else 0
        context.audit(trainer)
    audited = time.perf_counter()
    context.add_outputs(group, module)
    ended = time.perf_counter()
    seconds = status.seconds_per_epoch if epochs else 0.0
    if seconds is None:
        return None
    return GroupCost(group.name, group.tier, group.reads, seconds, epochs, audited - started, ended - audited)


def _start_seconds() -> float:
    """What a new process takes until it can train."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import redheart_core.training.loop"], check=True)
    return time.perf_counter() - started
