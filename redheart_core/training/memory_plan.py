"""How much memory a training needs, tier by tier, and whether a budget holds it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs

from redheart_core.contract.errors import SettingsError, join_complaints
from redheart_core.groups.group import Group
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.training.step_memory import StepMemory, measure_step


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

    @property
    def alone(self) -> int:
        """Peak if no other group were in memory."""
        return self.step.resident + self.step.working


@attrs.frozen
class TierMemory:
    """The groups of a tier, which a training holds in memory together."""

    tier: int
    resident: int
    """Weights, gradients and optimizer states of all its groups."""
    working: int
    """Of the group whose step takes most."""
    largest: str
    """That group."""
    seconds: float
    """All steps of all its groups."""

    @property
    def peak(self) -> int:
        return self.resident + self.working


@attrs.frozen
class MemoryPlan:
    """What a training holds in memory."""

    device: str
    groups: tuple[GroupMemory, ...]

    @property
    def tiers(self) -> tuple[TierMemory, ...]:
        """From the lowest; tiers whose groups are all fitted in closed form take no steps and are not among them."""
        return tuple(
            _tier([one for one in self.groups if one.tier == tier]) for tier in sorted({g.tier for g in self.groups})
        )

    @property
    def peak(self) -> int:
        """Of the tier that needs most."""
        return max((tier.peak for tier in self.tiers), default=0)


def _tier(groups: Sequence[GroupMemory]) -> TierMemory:
    largest = max(groups, key=lambda one: one.step.working)
    return TierMemory(
        tier=largest.tier,
        resident=sum(one.step.resident for one in groups),
        working=largest.step.working,
        largest=largest.name,
        seconds=math.fsum(one.steps * one.step.seconds for one in groups),
    )


def plan_memory(context: TrainingContext, progress: Callable[[str, int, int], None] | None = None) -> MemoryPlan:
    """Measure every group that takes steps, one after another, so that one at a time is in memory.

    Nothing is learnt: what a step holds depends on the shapes of what a group reads, not on the numbers, so that
    closed forms are not computed. The groups above read the modules of the groups below as they were built.

    Raises:
        SettingsError: A group cannot take a step, so that nothing is known of it.
    """
    found = []
    for number, group in enumerate(context.groups):
        if progress:
            progress("plan", number, len(context.groups))
        measured = None if group.fitted else _measure(context, group)
        if measured is not None:
            found.append(measured)
        context.add_outputs(group, context.module(group))
    return MemoryPlan(context.device.type, tuple(found))


def _measure(context: TrainingContext, group: Group) -> GroupMemory | None:
    """What a group's steps hold; None if it has no parameters."""
    trainer = context.trainer(group)
    if trainer.optimizer is None:
        return None
    rows = context.longest_rows(group)
    batch = context.source.batch(rows, group.inputs)
    try:
        with stopping_alone():
            step = measure_step(trainer, batch)
    except GroupFault as fault:
        raise SettingsError(f"group '{group.name}' cannot be measured: {fault}") from fault
    return GroupMemory(group.name, group.tier, len(rows), trainer.total_updates, step)


def require_memory(plan: MemoryPlan, budget: int) -> None:
    """Refuse a training that needs more than a budget.

    Raises:
        SettingsError: Says for each tier that is too large by how much, and what would make it fit.
    """
    complaints = [
        f"tier {tier.tier} needs {megabytes(tier.peak)}: {megabytes(tier.resident)} stay between steps, a step of "
        f"'{tier.largest}' takes {megabytes(tier.working)} more; it is {megabytes(tier.peak - budget)} over. {remedy}"
        for tier in plan.tiers
        if tier.peak > budget
        for remedy in [_remedy(tier, budget)]
    ]
    if complaints:
        raise SettingsError(
            join_complaints(
                f"the training does not fit into {megabytes(budget)}; {megabytes(plan.peak)} would hold it:", complaints
            )
        )


def _remedy(tier: TierMemory, budget: int) -> str:
    if tier.resident >= budget:
        return "No batch size makes it fit: leave groups out with --disable, or choose a smaller --scale"
    share = (budget - tier.resident) / tier.working
    return (
        f"Steps that take at most {share:.0%} of the memory of '{tier.largest}' make it fit: "
        "lower batch_size in [training] or [groups.NAME], which changes what is learnt"
    )


def megabytes(count: int) -> str:
    """Bytes for people, rounded up, so that a printed peak given as a budget is enough."""
    return f"{math.ceil(count / 1e6)} MB"
