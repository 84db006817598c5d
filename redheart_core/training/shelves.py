"""Where the states of idle groups lie: memory-mapped files for the CPU, pinned host memory for CUDA."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from redheart_core.storage.files import make_folder, writing

ALIGNMENT = 64
"""Bytes, of what PyTorch allocates on the CPU."""
Storages = list[list[Tensor]]
"""Tensors, those that share a storage together."""


class Shelf(Protocol):
    """Holds the storages of idle groups. A block is a whole storage as bytes, (N,) uint8."""

    def put(self, group: str, storages: Storages) -> None:
        """Move a group's storages off the device; its tensors then lie there."""
        ...

    def take(self, group: str, storages: Storages) -> None:
        """The way back."""
        ...

    def wait(self) -> None:
        """Return once the device may compute with what was taken."""
        ...

    def close(self) -> None:
        """Give everything up."""
        ...


class MappedFiles:
    """One memory-mapped file per group, in which the group's state lies from its first turn off the device on.

    The mapping is private: what is computed changes pages of this process alone, and nothing is written to the disk
    meanwhile. A group that leaves is written to its file, at once, and its pages are let go: they then cost no memory
    but the page cache, which the system takes back where it needs it. They come back as they are touched, at the same
    addresses, so that nothing is copied on the way back, no allocator keeps freed blocks, and tensors are aligned as
    before. Space on the disk is allocated before anything is copied, so that a full disk is an error and not a signal.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _MappedFile] = {}
        make_folder(folder)

    def put(self, group: str, storages: Storages) -> None:
        file = self._files.get(group)
        if file is None or not file.holds(storages):
            self._files[group] = _MappedFile(self._folder / f"{group}.state", storages)
        else:
            file.save()

    def take(self, group: str, storages: Storages) -> None:
        self._files[group].read_ahead()

    def wait(self) -> None:
        """Pages come as they are touched."""

    def close(self) -> None:
        self._files.clear()
        with writing(self._folder):
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()


class _MappedFile:
    """The state of a group in a file of its own; the last tensor of it that goes closes the file."""

    def __init__(self, path: Path, storages: Storages) -> None:
        """Write storages to a new file, in which their tensors then lie."""
        self.path = path
        blocks = [_block(tensors[0]) for tensors in storages]
        *places, size = accumulate((_aligned(len(block)) for block in blocks), initial=0)
        with writing(path):
            path.unlink(missing_ok=True)  # of a file before, the mapping stays until it has been read
            with path.open("x+b", buffering=0) as file:
                os.posix_fallocate(file.fileno(), 0, size)
                for block, place in zip(blocks, places, strict=True):
                    _write(file.fileno(), block.numpy().data, place)
                self._pages = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
        for tensors, block, place in zip(storages, blocks, places, strict=True):
            _point(tensors, torch.frombuffer(self._pages, dtype=torch.uint8, count=len(block), offset=place))
        self._addresses = _addresses(storages)

    def holds(self, storages: Storages) -> bool:
        """Whether all of these lie in it."""
        return _addresses(storages) == self._addresses

    def save(self) -> None:
        """Write what was computed to the file, and let the pages go."""
        with writing(self.path), self.path.open("r+b", buffering=0) as file:
            _write(file.fileno(), memoryview(self._pages), 0)
        self._pages.madvise(mmap.MADV_DONTNEED)

    def read_ahead(self) -> None:
        """Have the system read what is no longer in its cache, all at once."""
        self._pages.madvise(mmap.MADV_WILLNEED)


def _write(file: int, data: memoryview, place: int) -> None:
    """All of some bytes; the system writes 2 GiB at a time at most."""
    while data:
        count = os.pwrite(file, data, place)
        data, place = data[count:], place + count


def _aligned(size: int) -> int:
    """Bytes until the next block, which is aligned as PyTorch allocates, so that kernels round the same way."""
    return -(-size // ALIGNMENT) * ALIGNMENT


class Cuda:
    """The few things of CUDA that moving states takes: pinned memory, and a stream beside that of the computation."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call] # it has no types

    def pinned(self, size: int) -> Tensor:
        """Bytes of host memory that the device copies from and to by itself."""
        return torch.empty(size, dtype=torch.uint8, pin_memory=True)

    def empty(self, size: int) -> Tensor:
        """Bytes of the device."""
        return torch.empty(size, dtype=torch.uint8, device=self._device)

    def beside(self) -> AbstractContextManager[object]:
        """Inside, what is begun runs on the side stream."""
        return torch.cuda.stream(self._side)

    def side_waits(self) -> None:
        """What is begun beside from now on waits for what is being computed."""
        self._side.wait_stream(torch.cuda.current_stream(self._device))

    def computation_waits(self) -> None:
        """What is computed from now on waits for what was begun beside."""
        torch.cuda.current_stream(self._device).wait_stream(self._side)

    def keep_for_side(self, block: Tensor) -> None:
        """The block's memory goes to nobody else before the side stream is done with it."""
        block.record_stream(self._side)

    def keep_for_computation(self, block: Tensor) -> None:
        """The same of the computation."""
        block.record_stream(torch.cuda.current_stream(self._device))

    def finish(self) -> None:
        """Wait for the side stream."""
        self._side.synchronize()


class PinnedMemory:
    """Pinned host memory, copied to and from on a stream of its own beside the computation."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._pinned: dict[str, list[Tensor]] = {}

    def put(self, group: str, storages: Storages) -> None:
        blocks = [_block(tensors[0]) for tensors in storages]
        held = self._pinned.get(group, [])
        if [len(one) for one in held] != [len(block) for block in blocks]:
            held = self._pinned[group] = [self._cuda.pinned(len(block)) for block in blocks]
        self._cuda.side_waits()
        with self._cuda.beside():
            for tensors, block, pinned in zip(storages, blocks, held, strict=True):
                pinned.copy_(block, non_blocking=True)
                self._cuda.keep_for_side(block)
                _point(tensors, pinned)

    def take(self, group: str, storages: Storages) -> None:
        for tensors in storages:
            block = _block(tensors[0])
            with self._cuda.beside():  # in order behind the copy that filled the block
                copy = self._cuda.empty(len(block))
                copy.copy_(block, non_blocking=True)
            self._cuda.keep_for_computation(copy)
            _point(tensors, copy)

    def wait(self) -> None:
        self._cuda.computation_waits()

    def close(self) -> None:
        self._cuda.finish()
        self._pinned.clear()


def _addresses(storages: Storages) -> list[int]:
    return [tensors[0].untyped_storage().data_ptr() for tensors in storages]


def _block(tensor: Tensor) -> Tensor:
    """The whole storage of a tensor as bytes."""
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())


def _point(tensors: Sequence[Tensor], block: Tensor) -> None:
    """Have tensors that share memory lie in another block as they lay in theirs."""
    for tensor in tensors:
        moved = torch.empty(0, dtype=tensor.dtype, device=block.device)
        tensor.data = moved.set_(block.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())
