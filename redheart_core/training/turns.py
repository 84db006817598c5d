"""How the groups of a tier take turns within a budget: who stays, what is moved, the predicted peak."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from redheart_core.contract.errors import SettingsError, join_complaints
from redheart_core.training.budget import Budget
from redheart_core.training.memory_plan import GroupMemory, MemoryPlan, megabytes
from redheart_core.training.occupancy import Need, Occupancy

ROUNDS = 3
"""Turns of all groups that are gone through, of which the last one stands for all that follow."""

MOVED_PER_SECOND = 1e9
"""Bytes: less than what was measured on either device."""
SECONDS_OF_A_MOVE = 0.01
"""Beside that; the first steps of a turn find nothing in the caches, and memory that was given back."""
COST_OF_TURNS = 0.01
"""Share of the time for which turns are made long enough."""


@attrs.frozen
class TierTurns:
    """The turns of a tier."""

    tier: int
    stay: tuple[str, ...]
    """Groups that are on the device at every moment."""
    leave: tuple[str, ...]
    """Groups that leave it between their turns."""
    peak: int
    """Bytes at most, with what is there before any group."""
    largest: str
    """The group whose turn it is then."""
    moved: int
    """Bytes that leave and come while each group has one turn."""
    idle: int
    """Bytes at most of groups that are not on the device."""
    epochs: int = 1
    """Of a turn, where it is whole epochs; fewer groups may have longer ones, when the others have finished."""
    rounds: int = 0
    """How often each group has a turn, if all have as many epochs and updates as the one with most."""
    computing: float = 0.0
    """Seconds of all epochs of all its groups, one after another."""

    @property
    def moving(self) -> float:
        """Seconds that moving takes while each group has one turn."""
        return self.moved / MOVED_PER_SECOND + SECONDS_OF_A_MOVE * len(self.leave)

    @property
    def seconds(self) -> float:
        """Of all rounds, with what is moved."""
        return self.computing + self.rounds * self.moving


@attrs.frozen
class TurnPlan:
    """What is on the device when."""

    memory: MemoryPlan
    budget: Budget
    tiers: tuple[TierTurns, ...]

    @property
    def peak(self) -> int:
        """Bytes, of the tier that needs most."""
        return max((tier.peak for tier in self.tiers), default=self.memory.base)

    @property
    def seconds(self) -> float:
        """Of all epochs of all groups, with what is moved."""
        return math.fsum(tier.seconds for tier in self.tiers)

    @property
    def host_peak(self) -> int:
        """Bytes of this process beside a device of CUDA."""
        return self.memory.host_base + max((tier.idle for tier in self.tiers), default=0)

    def occupancy(self, tier: int) -> Occupancy:
        """Of a tier, with nobody on the device."""
        needs = {one.name: Need(one.step.state, one.step.transient, one.priority) for one in self.memory.of(tier)}
        return Occupancy(needs, self.budget.memory - self.memory.base, self.memory.device != "cpu")


def plan_turns(memory: MemoryPlan, budget: Budget) -> TurnPlan:
    """The turns of every tier.

    Raises:
        SettingsError: A group does not fit alone, or idle groups do not fit beside the device; says what would.
            Or the budget says something that the device has no use for.
    """
    budget.require_meaning(memory.device)
    complaints = [
        f"group '{one.name}' needs {megabytes(memory.base + one.alone)} with no other: {_parts(memory, one)}; "
        f"it is {megabytes(memory.base + one.alone - budget.memory)} over. {_remedy(memory, one, budget.memory)}"
        for one in memory.groups
        if memory.base + one.alone > budget.memory
    ]
    if complaints:
        least = memory.base + max(one.alone for one in memory.groups)
        title = f"the training does not fit into {megabytes(budget.memory)}; {megabytes(least)} would hold it:"
        raise SettingsError(join_complaints(title, complaints))
    empty = TurnPlan(memory, budget, ())
    plan = attrs.evolve(empty, tiers=tuple(_turns(empty, tier.tier) for tier in memory.tiers))
    if budget.host_memory is not None and plan.host_peak > budget.host_memory:
        raise SettingsError(
            f"idle groups do not fit into {megabytes(budget.host_memory)} of host memory; {megabytes(plan.host_peak)} "
            "would hold them: raise --host-memory, or --memory so that more groups stay on the device"
        )
    return plan


def epochs_together(tier: TierTurns, groups: Sequence[GroupMemory]) -> int:
    """Epochs of a turn, so that moving groups takes a small share of the time.

    Args:
        tier: Who leaves.
        groups: Those that have turns.
    """
    if not tier.leave:
        return 1
    seconds = math.fsum(one.epoch_seconds for one in groups)
    return max(1, math.ceil(tier.moving / (COST_OF_TURNS * seconds)))


def _rounds(epochs: int, groups: Sequence[GroupMemory], turn_steps: int) -> int:
    """Turns of each group, if turns are so many epochs, or so many steps: validation and saving are a turn then."""
    most = max(one.epochs for one in groups)
    if not turn_steps:
        return math.ceil(most / epochs)
    updates = max(one.steps // one.epochs if one.epochs else 0 for one in groups)
    return most * (math.ceil(updates / turn_steps) + 1)


def _turns(plan: TurnPlan, tier: int) -> TierTurns:
    occupancy = plan.occupancy(tier)
    names = tuple(occupancy.needs)
    occupancy.order = names
    state = {name: need.state for name, need in occupancy.needs.items()}
    left, moved, peak, largest, idle, built = set[str](), 0, 0, "", 0, set[str]()
    for number in range(ROUNDS):
        moved, left = 0, set()
        for name in names:
            before = set(occupancy.present)
            moves = occupancy.enter(name)
            assert moves is not None, "a group that fits alone fits"
            gone = {*moves.leaving, *moves.early_leaving}
            left |= gone
            built.add(name)
            moved += sum(state[one] for one in (*gone, *((occupancy.present | {name}) - before)))
            held = occupancy.held(name)
            if held > peak:
                peak, largest = held, name
            idle = max(idle, sum(state[one] for one in built - occupancy.present))
        if number == 0:
            built = {*names}
    stay = tuple(name for name in names if name not in left)
    leave = tuple(name for name in names if name in left)
    found = TierTurns(tier, stay, leave, plan.memory.base + peak, largest, moved, idle)
    groups, steps = plan.memory.of(tier), plan.budget.turn_steps
    epochs = 1 if steps else epochs_together(found, groups)
    computing = math.fsum(one.seconds for one in groups)
    return attrs.evolve(found, epochs=epochs, rounds=_rounds(epochs, groups, steps), computing=computing)


def _parts(memory: MemoryPlan, one: GroupMemory) -> str:
    return (
        f"{megabytes(memory.base)} are there before any group, {megabytes(one.step.state)} weights and optimizer, "
        f"{megabytes(one.step.transient)} its step, validation and saving"
    )


def _remedy(memory: MemoryPlan, one: GroupMemory, budget: int) -> str:
    room = budget - memory.base - one.step.state
    if room <= one.step.gradients:
        return "No batch size makes it fit: leave the group out with --disable, or choose a smaller --scale"
    if one.step.after > room:
        return "Validation or saving is too large for it: lower batch_size in [training], or choose a smaller --scale"
    working = max(one.step.working, one.step.grown - one.step.gradients)
    size = max(1, int(one.batch_size * (room - one.step.gradients) / working))
    return (
        f"About {size} records at a time make it fit: micro_batch = {size} under [groups.{one.name}], with the same "
        "batches; redheart plan measures it"
    )
