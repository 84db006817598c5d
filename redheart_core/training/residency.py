"""Which groups' states are on the device: all of them, or as many as a budget holds, taking turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from redheart_core.contract.errors import SettingsError
from redheart_core.storage.temporary import temporary_path
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import staying
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.held import Held
from redheart_core.training.memory_plan import megabytes
from redheart_core.training.occupancy import Occupancy
from redheart_core.training.peaks import Meter, meter_of
from redheart_core.training.shelves import Cuda, MappedFiles, PinnedMemory, Shelf
from redheart_core.training.turns import TurnPlan, epochs_together

FOLDER = "idle"
"""What the folder of a run is called in which the states of idle groups lie while it trains on the CPU."""


class Residency(Protocol):
    """Who is on the device when."""

    @property
    def turn_steps(self) -> int:
        """Steps of a turn where groups take turns inside an epoch; 0 if a turn is whole epochs or nobody leaves."""
        ...

    def turn_epochs(self, trainers: Sequence[GroupTrainer]) -> int:
        """Epochs of a turn where it is whole ones."""
        ...

    def begin(self, tier: int) -> None:
        """The groups of a tier are built next."""
        ...

    def make_room(self, group: str) -> None:
        """Free what a group needs that is built next."""
        ...

    def add(self, trainer: GroupTrainer) -> None:
        """It was built."""
        ...

    def order(self, groups: Sequence[str]) -> None:
        """The groups that have turns from now on, over and over; the others have none left."""
        ...

    def turn(self, trainer: GroupTrainer) -> AbstractContextManager[None]:
        """Inside, the group is on the device."""
        ...

    def make_sure(self, trainer: GroupTrainer) -> None:
        """Before a step or a validation of a group that has its turn: have allocators give back what they keep, if the
        budget may not hold it otherwise."""
        ...

    def leave_alone(self, trainer: GroupTrainer) -> bool:
        """Have all others leave the device; whether any of them could."""
        ...

    def check(self) -> None:
        """Refuse to go on if a turn took more than the budget; what was saved before counts.

        Raises:
            SettingsError: Says by how much, and what to set.
        """
        ...

    def end(self) -> None:
        """Forget the groups of the tier."""
        ...


class AllResident:
    """Every group of a tier is on the device at every moment; there is nothing to do."""

    def __init__(self, turn_steps: int) -> None:
        self.turn_steps = turn_steps

    def turn_epochs(self, trainers: Sequence[GroupTrainer]) -> int:
        return 1

    def begin(self, tier: int) -> None: ...

    def make_room(self, group: str) -> None: ...

    def add(self, trainer: GroupTrainer) -> None: ...

    def order(self, groups: Sequence[str]) -> None: ...

    def turn(self, trainer: GroupTrainer) -> AbstractContextManager[None]:
        return staying(trainer)

    def make_sure(self, trainer: GroupTrainer) -> None: ...

    def leave_alone(self, trainer: GroupTrainer) -> bool:
        return False

    def check(self) -> None: ...

    def end(self) -> None: ...


class TakingTurns:
    """As many groups of a tier are on the device as a budget holds; the others lie on a shelf between their turns.

    Nothing is computed on the way, so that a group's numbers are the same to the last bit.
    """

    def __init__(self, plan: TurnPlan, shelf: Shelf, meter: Meter) -> None:
        self.plan = plan
        self.peaks: dict[str, int] = {}
        """Bytes, the most that was measured in a turn of each group."""
        self.moved = 0
        """Bytes that left or came."""
        self._shelf, self._meter = shelf, meter
        self._groups: dict[str, Held] = {}
        self._away = set[str]()
        self._occupancy: Occupancy | None = None
        self._now = ""
        self._growth: dict[str, int] = {}
        """Bytes by which the device's memory grew in a turn of each group, the most that was measured. It can be more
        than was planned, as allocators do not fill every hole."""
        self._before = 0
        self._garbage = True
        """Whether a module may have gone, whose parts refer to each other in circles, since garbage was collected."""

    @property
    def turn_steps(self) -> int:
        return self.plan.budget.turn_steps

    def turn_epochs(self, trainers: Sequence[GroupTrainer]) -> int:
        names = {trainer.group.name for trainer in trainers}
        groups = [one for one in self.plan.memory.groups if one.name in names]
        tiers = [tier for tier in self.plan.tiers if names & {*tier.leave}]
        return epochs_together(tiers[0], groups) if tiers else 1

    @property
    def occupancy(self) -> Occupancy:
        """Of the tier that is trained."""
        assert self._occupancy is not None
        return self._occupancy

    def begin(self, tier: int) -> None:
        self._occupancy = self.plan.occupancy(tier)

    def make_room(self, group: str) -> None:
        self._switch(group)

    def add(self, trainer: GroupTrainer) -> None:
        self._groups[trainer.group.name] = Held(trainer)

    def order(self, groups: Sequence[str]) -> None:
        self.occupancy.order = tuple(groups)

    @contextmanager
    def turn(self, trainer: GroupTrainer) -> Iterator[None]:
        if self._now != trainer.group.name:
            self._switch(trainer.group.name)
        yield
        trainer.module.zero_grad(set_to_none=True)

    def make_sure(self, trainer: GroupTrainer) -> None:
        need = self.occupancy.needs[trainer.group.name].transient
        if self.plan.memory.device == "cpu" and self._meter.current() + need > self.plan.budget.memory:
            self._release(garbage=False)

    def leave_alone(self, trainer: GroupTrainer) -> bool:
        others = sorted(self.occupancy.present - {trainer.group.name})
        self._leave(others)
        self.occupancy.present -= {*others}
        return bool(others)

    def check(self) -> None:
        self._note_peak()
        budget = self.plan.budget.memory
        over = {name: peak for name, peak in self.peaks.items() if peak > budget}
        if over:
            name = max(over, key=lambda one: over[one])
            raise SettingsError(
                f"a turn of group '{name}' took {megabytes(over[name])}, {megabytes(over[name] - budget)} over "
                f"the budget of {megabytes(budget)} ({megabytes(self.plan.peak)} were predicted); every finished epoch "
                f"is saved, and redheart train --resume with --memory of at least {megabytes(over[name])} goes on"
            )

    def end(self) -> None:
        self._note_peak()
        self._groups.clear()
        self._away.clear()
        self._now = ""
        self._garbage = True

    def _switch(self, group: str) -> None:
        """Give a group its turn; one that takes no steps, whose need nobody knows, gets the device for itself."""
        self._note_peak()
        self._now = group
        if group not in self.occupancy.needs:
            self._leave(sorted(self.occupancy.present))
            self.occupancy.present.clear()
            self._release(self._garbage)
            return
        there = group in self.occupancy.present
        moves = self.occupancy.enter(group)
        assert moves is not None, "the plan was checked"
        self._leave(moves.leaving)
        need = self.occupancy.needs[group]
        self._make_sure_of(max(need.transient, self._growth.get(group, 2 * need.transient)) + (not there) * need.state)
        self._before = self._meter.current()
        self._meter.begin()
        if group in self._away:
            self._come(group)
        self._shelf.wait()
        self._leave(moves.early_leaving)
        if moves.early in self._away:
            self._come(moves.early)

    def _leave(self, groups: Sequence[str]) -> None:
        for name in groups:
            if name in self._groups and name not in self._away:
                self.moved += self._groups[name].lay_down(self._shelf)
                self._away.add(name)

    def _make_sure_of(self, need: int) -> None:
        """Have allocators give back what they keep only where the budget may not hold a turn otherwise: the turn would
        pay for each page of it anew."""
        for garbage in (False, True) if self._garbage else (False,):
            if self._meter.current() + need <= self.plan.budget.memory:
                return
            self._release(garbage)

    def _release(self, garbage: bool) -> None:
        self._meter.release(garbage)
        self._garbage = self._garbage and not garbage

    def _come(self, group: str) -> None:
        self.moved += self._groups[group].bring(self._shelf)
        self._away.remove(group)

    def _note_peak(self) -> None:
        if self._now in self.occupancy.needs:
            peak = self._meter.peak()
            self.peaks[self._now] = max(self.peaks.get(self._now, 0), peak)
            self._growth[self._now] = max(self._growth.get(self._now, 0), peak - self._before)


@contextmanager
def opened(run: Path, context: TrainingContext, plan: TurnPlan | None) -> Iterator[Residency]:
    """The residency of a training; with a plan its groups take turns.

    Args:
        run: Folder of the run; what a killed process left there was removed when the run was begun.
        context: Of the training.
        plan: None if every group of a tier stays.
    """
    if plan is None:
        yield AllResident(1 if context.settings.interleave == "batch" else 0)
        return
    device = context.device
    shelf: Shelf = MappedFiles(temporary_path(run / FOLDER)) if device.type == "cpu" else PinnedMemory(Cuda(device))
    try:
        yield TakingTurns(plan, shelf, meter_of(device))
    finally:
        shelf.close()
