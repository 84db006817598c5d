"""How much memory a training needs, group by group and tier by tier, measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from mmap import PAGESIZE

import attrs
import torch

from redheart_core.contract.errors import SettingsError
from redheart_core.groups.group import Group
from redheart_core.groups.validation import compute_outputs
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.training.held import held_tensors
from redheart_core.training.peaks import meter_of
from redheart_core.training.rehearsal import load_algebra, longest_validation, rehearse
from redheart_core.training.step_memory import StepMemory, measure_step

BETWEEN_PROCESSES = 2_000_000
"""Bytes by which a process is allowed to be larger than another one with the same training; plans of the same training
in different processes were measured 0.2 MB apart."""


@attrs.frozen
class GroupMemory:
    """One group that learns step by step."""

    name: str
    tier: int
    batch_size: int
    """Records in the measured step: those with the longest texts, as many as a batch has or the data have."""
    steps: int
    """In all epochs."""
    step: StepMemory
    priority: int = 0
    """Of staying on the device, from its settings."""
    optimizer_bits: int = 32
    """Of each moment of AdamW, for its larger parameters."""
    micro_batch: int | None = None
    """Records that a step computes at a time; None for all of them."""
    epochs: int = 1
    validation: float = 0.0
    """Seconds at the end of an epoch, of the moving average too, where there is one."""
    saving: float = 0.0
    """Seconds at the end of an epoch, if nothing else is done meanwhile."""

    @property
    def alone(self) -> int:
        """Peak if no other group were in memory."""
        return self.step.state + self.step.transient

    @property
    def epoch_seconds(self) -> float:
        """Of its steps, as if all texts were as long as the longest, of validation and of saving."""
        updates = self.steps // self.epochs if self.epochs else 0
        return updates * self.step.seconds + self.validation + self.saving

    @property
    def seconds(self) -> float:
        """Of all epochs."""
        return self.epochs * self.epoch_seconds


@attrs.frozen
class TierMemory:
    """The groups of a tier, which a training holds in memory together."""

    tier: int
    resident: int
    """Weights and optimizer states of all its groups."""
    working: int
    """Of the group whose turn takes most beyond that: gradients, a step, validation and saving."""
    largest: str
    """That group."""
    seconds: float
    """Of all epochs of all its groups, one after another."""

    @property
    def peak(self) -> int:
        return self.resident + self.working


@attrs.frozen
class MemoryPlan:
    """What a training holds in memory."""

    device: str
    groups: tuple[GroupMemory, ...]
    base: int = 0
    """Bytes that the device holds beside any group: on the CPU the process with its libraries, the data that it reads
    and will read, outputs of finished tiers, pages that tensors use in part, and the largest copy of a group that is
    written in the background."""
    host_base: int = 0
    """The same of this process, whatever the device."""

    @property
    def tiers(self) -> tuple[TierMemory, ...]:
        """From the lowest; tiers whose groups are all fitted in closed form take no steps and are not among them."""
        return tuple(
            _tier([one for one in self.groups if one.tier == tier]) for tier in sorted({g.tier for g in self.groups})
        )

    @property
    def peak(self) -> int:
        """Bytes of the tier that needs most, if all its groups are in memory together, with what is there before."""
        return self.base + max((tier.peak for tier in self.tiers), default=0)

    def for_others(self) -> MemoryPlan:
        """The plan for another process, whose own plan is then met by what this one says."""
        return attrs.evolve(self, base=self.base + BETWEEN_PROCESSES, host_base=self.host_base + BETWEEN_PROCESSES)

    def of(self, tier: int) -> tuple[GroupMemory, ...]:
        """The groups of a tier."""
        return tuple(one for one in self.groups if one.tier == tier)


def _tier(groups: Sequence[GroupMemory]) -> TierMemory:
    largest = max(groups, key=lambda one: one.step.transient)
    return TierMemory(
        tier=largest.tier,
        resident=sum(one.step.state for one in groups),
        working=largest.step.transient,
        largest=largest.name,
        seconds=math.fsum(one.seconds for one in groups),
    )


def plan_memory(context: TrainingContext, progress: Callable[[str, int, int], None] | None = None) -> MemoryPlan:
    """Measure every group that takes steps, one after another, so that one at a time is in memory.

    Nothing is learnt: what a step holds depends on the shapes of what a group reads, not on the numbers, so that
    closed forms are not computed. The groups above read the modules of the groups below as they were built, for the
    records of their step alone; the context stays as it is.

    Raises:
        SettingsError: A group cannot take a step, so that nothing is known of it.
    """
    apart = attrs.evolve(context, source=context.source.without_lower())
    rows = torch.cat(
        [rows for group in context.groups for rows in (context.longest_rows(group), longest_validation(context, group))]
    ).unique()  # type: ignore[no-untyped-call]
    if any(group.fitted for group in context.groups):
        load_algebra()
    found, outputs = [], dict[str, int]()
    for number, group in enumerate(context.groups):
        if progress:
            progress("plan", number, len(context.groups))
        measured = None if group.fitted else _measure(apart, group)
        if measured is not None:
            found.append(measured)
        names = context.read_outputs(group)
        if names:
            lower = compute_outputs(context.module(group), apart.source, rows, names)
            apart.source.add_lower(lower)
            outputs[group.name] = lower.bytes_of(context.seen_rows())
    meter, host = meter_of(context.device), meter_of(torch.device("cpu"))
    meter.release()
    copied = max((one.step.copied for one in found), default=0) if context.settings.background_saving else 0
    more = copied + _beside(context, found, outputs)
    host_base = host.current() + host.to_come(context.store.folder) + more
    base = host_base if context.device.type == "cpu" else meter.current()
    return MemoryPlan(context.device.type, tuple(found), base, host_base)


def _beside(context: TrainingContext, found: Sequence[GroupMemory], outputs: Mapping[str, int]) -> int:
    """Bytes of the process beside tensors of groups, in the tier where they are most: pages that tensors of the groups
    that are trained use in part, and outputs of the groups below."""
    tiers = {one.tier for one in found}
    return max(
        (
            sum(one.step.parts for one in found if one.tier == tier)
            + sum(outputs.get(group.name, 0) for group in context.groups if group.tier < tier)
            for tier in tiers
        ),
        default=0,
    )


def _measure(context: TrainingContext, group: Group) -> GroupMemory | None:
    """What a group's steps hold; None without parameters. Of micro-batches two are computed, which stand for all."""
    trainer = context.trainer(group)
    if trainer.optimizer is None:
        return None
    rows = context.longest_rows(group)
    whole = context.source.batch(rows, group.inputs)
    measured = whole if trainer.micro_batch is None else whole.first(2 * trainer.micro_batch)
    try:
        with stopping_alone():
            step = measure_step(trainer, measured)
            turn = rehearse(context, trainer, measured, meter_of(context.device))
    except GroupFault as fault:
        raise SettingsError(f"group '{group.name}' cannot be measured: {fault}") from fault
    rest, share = whole.bytes - measured.bytes, whole.size / measured.size
    step = attrs.evolve(
        step,
        working=step.working + rest,
        after=step.after + turn.answers,
        grown=turn.grown + rest + turn.answers,
        parts=PAGESIZE * len(held_tensors(trainer)),
        seconds=step.seconds * share,
    )
    return GroupMemory(
        name=group.name,
        tier=group.tier,
        batch_size=len(rows),
        steps=trainer.total_updates,
        step=step,
        priority=group.settings.priority,
        optimizer_bits=trainer.settings.optimizer_bits,
        micro_batch=trainer.micro_batch,
        epochs=trainer.settings.epochs,
        validation=turn.validation * (1 if trainer.average is None else 2),
        saving=turn.saving * step.copied,
    )


def megabytes(count: int) -> str:
    """Bytes for people, rounded up, so that a printed peak given as a budget is enough."""
    return f"{math.ceil(count / 1e6)} MB"
