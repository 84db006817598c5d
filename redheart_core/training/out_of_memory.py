"""What is tried, in this order, where a device has no memory left for a step: a ladder with an end."""

from __future__ import annotations

from collections import Counter

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import RedheartError, SettingsError
from redheart_core.data.batch import Batch
from redheart_core.training.group_trainer import GroupFault, GroupTrainer
from redheart_core.training.micro_batches import require_mean_over_records
from redheart_core.training.peaks import release_memory
from redheart_core.training.progress import GroupProgress
from redheart_core.training.recompute import recompute
from redheart_core.training.residency import Residency

CPU_ALLOCATOR = "DefaultCPUAllocator: can't allocate memory"
"""How PyTorch says it on the CPU, where it raises a RuntimeError."""
ERRORS = (GroupFault, RedheartError, RuntimeError, MemoryError)
"""As what a lack of memory may be raised; most of them are of other kinds, see is_out_of_memory."""
ALONE = "the others off the device"


class MemoryFault(GroupFault):
    """A group has no memory for a step, whatever was tried. Its files stay as they are, so that a resumed training
    tries again."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it follows from, says that there is no memory left."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError | MemoryError | MemoryFault) or CPU_ALLOCATOR in str(error):
            return True
        error = error.__cause__
    return False


def no_memory(error: BaseException, where: str, tried: list[str] | None = None) -> str:
    """What a user reads of a lack of memory."""
    said = str(error).strip() or type(error).__name__  # a MemoryError of Python says nothing
    return (
        f"no memory for {where}: {said.splitlines()[0]} (tried: {', '.join(tried or ()) or 'nothing'}); "
        "every finished epoch is saved: redheart train --resume goes on, with more memory, with a --memory within "
        "which groups take turns, or after other programs have ended"
    )


@attrs.define(eq=False)
class Ladder:
    """Takes steps; one that finds no memory is taken again, each time with less.

    First the caches are cleared. Then the micro-batch is halved until it is one record, which changes the update by
    rounding, and the masks of dropout; from which update on is written down first, so that a resumed training has the
    same bits. Then activations are computed twice, and then all other groups leave the device: neither changes a bit.
    Then the group stops, and what it saved before counts.
    """

    residency: Residency
    device: torch.device
    groups: dict[str, GroupProgress] = attrs.Factory(dict)
    buffers: dict[str, list[Tensor]] = attrs.Factory(dict)
    """Of each group's module, as walking over its parts at every step would take its time."""

    def begin(self, one: GroupProgress) -> None:
        """A group goes on behind its newest epoch."""
        self.groups[one.name] = one
        self.buffers[one.name] = list(one.trainer.module.buffers())
        for epoch, _, size in one.manifest.halved:
            if epoch <= one.done:
                one.trainer.micro_batch = size

    def step(self, trainer: GroupTrainer, batch: Batch, epoch: int, number: int) -> Tensor | None:
        """One update of a group.

        Raises:
            MemoryFault: Nothing helps.
            GroupFault: As GroupTrainer.step.
        """
        for *update, size in self.groups[trainer.group.name].manifest.halved:
            if update == [epoch, number]:
                trainer.micro_batch = min(size, trainer.micro_batch or size)
        tried, size_before = list[str](), trainer.micro_batch
        while True:
            before, effects = self._state(trainer), Counter(trainer.effects)
            try:
                return trainer.step(batch, epoch, number)
            except ERRORS as error:
                if not is_out_of_memory(error):
                    raise
                message = no_memory(error, f"step {number + 1} of epoch {epoch}", tried)
            # here the error is gone, and with it the tensors that its traceback held
            trainer.module.zero_grad(set_to_none=True)
            trainer.effects = effects
            rung = self._climb(trainer, batch, epoch, number, tried) if self._state(trainer) == before else None
            if rung is None:
                trainer.micro_batch = size_before
                self.groups[trainer.group.name].forget_halved(epoch, number)
                raise MemoryFault(message)
            tried.append(rung)

    def _climb(self, trainer: GroupTrainer, batch: Batch, epoch: int, number: int, tried: list[str]) -> str | None:
        """Take the next rung; its name, None behind the last."""
        if not tried:
            release_memory(self.device)
            return "cleared caches"
        size = min(trainer.micro_batch or batch.size, batch.size)
        if size > 1 and _may_be_parted(trainer):
            trainer.micro_batch = (size + 1) // 2
            self.groups[trainer.group.name].note_halved(epoch, number, trainer.micro_batch)
            return f"{trainer.micro_batch} records at a time"
        if not trainer.recomputes:
            recompute(trainer)
            return "activations computed twice"
        if ALONE not in tried and self.residency.leave_alone(trainer):
            release_memory(self.device)
            return ALONE
        return None

    def _state(self, trainer: GroupTrainer) -> tuple[object, ...]:
        """What tells a step that failed before it changed anything from one that cannot be taken again."""
        readings = trainer.readings
        versions = [buffer._version for buffer in self.buffers[trainer.group.name]]
        return len(readings.norms), len(readings.unread), versions


def _may_be_parted(trainer: GroupTrainer) -> bool:
    try:
        require_mean_over_records(trainer, "micro_batch")
    except SettingsError:
        return False
    return True
