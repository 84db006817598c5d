"""Where the states of idle groups lie: memory-mapped files for the CPU, pinned host memory for CUDA."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from redheart_core.storage.files import make_folder, writing


class Shelf(Protocol):
    """Holds copies of the storages of idle groups. A block is a whole storage as bytes, (N,) uint8."""

    def put(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        """Copy a group's blocks off the device, and hand over each copy by its number, so that the block can go."""
        ...

    def take(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        """The way back, of what put handed over."""
        ...

    def wait(self) -> None:
        """Return once the device may compute with what was taken."""
        ...

    def close(self) -> None:
        """Give everything up."""
        ...


class MappedFiles:
    """One memory-mapped file per group, whose pages are let go once they are copied.

    They then cost no memory but the page cache, which the system takes back where it needs it. Space on the disk is
    allocated before anything is copied, so that a full disk is an error and not a signal.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, mmap.mmap] = {}
        make_folder(folder)

    def put(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        places = list(_places(blocks))
        file = self._file(group, sum(_pages(len(block)) for block in blocks))
        for number, (block, place) in enumerate(zip(blocks, places, strict=True)):
            copy = torch.frombuffer(file, dtype=torch.uint8, count=len(block), offset=place)
            copy.copy_(block)
            file.madvise(mmap.MADV_DONTNEED, place, _pages(len(block)))
            moved(number, copy)

    def take(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        file = self._files[group]
        for number, (block, place) in enumerate(zip(blocks, _places(blocks), strict=True)):
            copy = torch.empty_like(block)  # aligned as what was allocated first, so that kernels round the same way
            copy.copy_(block)
            file.madvise(mmap.MADV_DONTNEED, place, _pages(len(block)))
            moved(number, copy)

    def wait(self) -> None:
        """Copies of the CPU are done when they return."""

    def close(self) -> None:
        self._files.clear()
        with writing(self._folder):
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()

    def _file(self, group: str, size: int) -> mmap.mmap:
        """The file of a group, made anew where its state has grown."""
        if group in self._files and len(self._files[group]) == size:
            return self._files[group]
        path = self._folder / f"{group}.state"
        with writing(path), path.open("w+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            self._files[group] = mmap.mmap(file.fileno(), size)
        return self._files[group]


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

    def put(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        held = self._pinned.get(group, [])
        if [len(one) for one in held] != [len(block) for block in blocks]:
            held = self._pinned[group] = [self._cuda.pinned(len(block)) for block in blocks]
        self._cuda.side_waits()
        with self._cuda.beside():
            for number, (block, pinned) in enumerate(zip(blocks, held, strict=True)):
                pinned.copy_(block, non_blocking=True)
                self._cuda.keep_for_side(block)
                moved(number, pinned)

    def take(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        for number, block in enumerate(blocks):
            with self._cuda.beside():  # in order behind the copy that filled the block
                copy = self._cuda.empty(len(block))
                copy.copy_(block, non_blocking=True)
            self._cuda.keep_for_computation(copy)
            moved(number, copy)

    def wait(self) -> None:
        self._cuda.computation_waits()

    def close(self) -> None:
        self._cuda.finish()
        self._pinned.clear()


def _places(blocks: Iterable[Tensor]) -> Iterable[int]:
    """Where each block begins in a file: at a page."""
    place = 0
    for block in blocks:
        yield place
        place += _pages(len(block))


def _pages(size: int) -> int:
    """Bytes of the pages that hold so many."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
