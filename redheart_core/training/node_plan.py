"""How long a training takes on several nodes, and what a node holds: from what its groups cost in a run that has done
some epochs, and from steps that are measured."""

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
from redheart_core.training.memory_plan import MemoryPlan

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
    memory: int = 0
    """Bytes of a task that trains it, at most."""

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
    together: int = 0
    """Bytes of one process that trains all groups, those of a tier together."""

    @property
    def alone(self) -> float:
        """Seconds of one process that trains all groups."""
        read = {name for group in self.groups for name in group.reads}
        outputs = sum(group.outputs for group in self.groups if group.name in read)
        return self.start + self.opening + sum(group.training for group in self.groups) + outputs

    @property
    def memory(self) -> int:
        """Bytes that a node has to hold for any of the tasks, one at a time."""
        return max((group.memory for group in self.groups), default=0)

    @property
    def tasks(self) -> dict[str, Task]:
        """A task opens the run, computes what it reads of the groups below, and trains its group; the longest first."""
        costs = {group.name: group for group in self.groups}
        below = read_by(self.groups)
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


def read_by(groups: Sequence[GroupCost | Group]) -> dict[str, set[str]]:
    """The groups that each one reads, directly or through others.

    Args:
        groups: Lower tiers first.
    """
    below: dict[str, set[str]] = {}
    for group in groups:
        below[group.name] = set(group.reads).union(*(below[name] for name in group.reads))
    return below


def task_memory(groups: Sequence[Group], memory: MemoryPlan) -> dict[str, int]:
    """Bytes of a task for each group, at most: it answers with the groups that are read, one after another, and then
    trains its own, with no other beside it.

    Args:
        groups: Lower tiers first.
        memory: Of a training of them; closed forms are not in it, and count as nothing.
    """
    known = {one.name: one for one in memory.groups}
    found = {}
    for name, below in read_by(groups).items():
        answering = [known[one].step.weights + known[one].step.after for one in below if one in known]
        found[name] = memory.base + max([known[name].alone if name in known else 0, *answering])
    return found


def plan_nodes(
    context: TrainingContext,
    status: Sequence[GroupStatus],
    opening: float,
    memory: MemoryPlan,
    progress: Progress | None = None,
) -> NodePlan:
    """Take the seconds of epochs from a run, and measure the rest on its modules as they are built.

    Args:
        context: Of the run, with nothing computed yet.
        status: How far its groups are.
        opening: Seconds that opening the run has just taken.
        memory: What its groups hold.
        progress: Called with the groups that are measured.

    Raises:
        CheckpointError: A group has done no epoch, so that nothing is known of it.
    """
    known, found, missing = {group.name: group for group in status}, [], []
    held = task_memory(context.groups, memory)
    for number, group in enumerate(context.groups):
        if progress:
            progress("plan", number, len(context.groups))
        cost = _measure(context, group, known[group.name])
        if cost is None:
            missing.append(f"'{group.name}'")
        else:
            found.append(attrs.evolve(cost, memory=held[group.name]))
    if missing:
        raise CheckpointError(
            join_complaints("groups have done no epoch yet, so that nothing is known of their time:", missing)
            + "\ntrain the run for some epochs first; it may be stopped then"
        )
    return NodePlan(tuple(found), _start_seconds(), opening, memory.peak)


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
