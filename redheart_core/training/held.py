"""What a group holds between its steps, moved off its device and back without touching a bit."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.shelves import Shelf, Storages


class Held:
    """A group's tensors, found once: walking over all parts of a module takes longer than moving a small group."""

    def __init__(self, trainer: GroupTrainer) -> None:
        self._trainer = trainer
        self._storages: Storages = []
        self._states = -1
        """Parameters with a state of AdamW when the tensors were found, which its first update creates."""

    def lay_down(self, shelf: Shelf) -> int:
        """Move the group off its device; returns the bytes."""
        shelf.put(self._trainer.group.name, self._found())
        return self._size()

    def bring(self, shelf: Shelf) -> int:
        """Move the group back to its device; returns the bytes."""
        shelf.take(self._trainer.group.name, self._found())
        return self._size()

    def _found(self) -> Storages:
        optimizer = self._trainer.optimizer
        states = 0 if optimizer is None else len(optimizer.state)
        if states != self._states:
            self._storages, self._states = _by_storage(held_tensors(self._trainer)), states
        return self._storages

    def _size(self) -> int:
        return sum(tensors[0].untyped_storage().nbytes() for tensors in self._storages)


def held_tensors(trainer: GroupTrainer) -> list[Tensor]:
    """Parameters, buffers, moments of AdamW and the moving average; single numbers, such as counts of steps, stay."""
    tensors = [*trainer.module.parameters(), *trainer.module.buffers()]
    if trainer.optimizer is not None:
        tensors += [one for state in trainer.optimizer.state.values() for one in state.values() if one.dim()]
    if trainer.average is not None:
        tensors += trainer.average.weights.values()
    return tensors


def _by_storage(tensors: Sequence[Tensor]) -> Storages:
    """Tensors that share memory, together."""
    found: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        if tensor.untyped_storage().nbytes():
            found.setdefault(tensor.untyped_storage().data_ptr(), []).append(tensor)
    return list(found.values())
