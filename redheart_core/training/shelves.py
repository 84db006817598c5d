"""Where the states of idle groups lie: memory-mapped files for the CPU, pinned host memory for CUDA."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Sequence
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


class PinnedMemory:
    """Pinned host memory, copied to and from on a stream of its own beside the computation."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pinned: dict[str, list[Tensor]] = {}

    def put(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        held = self._pinned.get(group, [])
        if [len(one) for one in held] != [len(block) for block in blocks]:
            held = [torch.empty(len(block), dtype=torch.uint8, pin_memory=True) for block in blocks]
            self._pinned[group] = held
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            for number, (block, pinned) in enumerate(zip(blocks, held, strict=True)):
                pinned.copy_(block, non_blocking=True)
                block.record_stream(self._stream)  # its memory is not given to others before the copy is done
                moved(number, pinned)

    def take(self, group: str, blocks: Sequence[Tensor], moved: Callable[[int, Tensor], None]) -> None:
        with torch.cuda.stream(self._stream):  # in order behind the copy that filled the blocks
            for number, block in enumerate(blocks):
                copy = torch.empty(len(block), dtype=torch.uint8, device=self._device)
                copy.copy_(block, non_blocking=True)
                copy.record_stream(torch.cuda.current_stream(self._device))
                moved(number, copy)

    def wait(self) -> None:
        torch.cuda.current_stream(self._device).wait_stream(self._stream)

    def close(self) -> None:
        self._stream.synchronize()
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
