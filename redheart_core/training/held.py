"""What a group holds between its steps, moved off its device and back without touching a bit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.shelves import Shelf


def lay_down(trainer: GroupTrainer, shelf: Shelf) -> int:
    """Move a group off its device; returns the bytes."""
    storages = _storages(held_tensors(trainer))
    blocks = [_block(tensors[0]) for tensors in storages]
    shelf.put(trainer.group.name, blocks, lambda number, copy: _point(storages[number], copy))
    return sum(map(len, blocks))


def bring(trainer: GroupTrainer, shelf: Shelf) -> int:
    """Move a group back to its device; returns the bytes."""
    storages = _storages(held_tensors(trainer))
    blocks = [_block(tensors[0]) for tensors in storages]
    shelf.take(trainer.group.name, blocks, lambda number, copy: _point(storages[number], copy))
    return sum(map(len, blocks))


def held_tensors(trainer: GroupTrainer) -> list[Tensor]:
    """Parameters, buffers, moments of AdamW and the moving average; single numbers, such as counts of steps, stay."""
    tensors = [*trainer.module.parameters(), *trainer.module.buffers()]
    if trainer.optimizer is not None:
        tensors += [one for state in trainer.optimizer.state.values() for one in state.values() if one.dim()]
    if trainer.average is not None:
        tensors += trainer.average.weights.values()
    return tensors


def _storages(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """Tensors that share memory, together."""
    found: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        if tensor.untyped_storage().nbytes():
            found.setdefault(tensor.untyped_storage().data_ptr(), []).append(tensor)
    return list(found.values())


def _block(tensor: Tensor) -> Tensor:
    """The whole storage of a tensor as bytes."""
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())


def _point(tensors: Sequence[Tensor], block: Tensor) -> None:
    """Have tensors that share memory lie in another block as they lay in theirs."""
    for tensor in tensors:
        moved = torch.empty(0, dtype=tensor.dtype, device=block.device)
        tensor.data = moved.set_(block.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())
