"""An allocator that refuses: torch operations that hold more than so many bytes together raise OutOfMemoryError."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter


class RefusingAllocator(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the storages that operations inside have made and that are still alive."""

    def __init__(self, limit: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.limit = limit
        self.held = self.most = self.refusals = 0
        self._known = set[int]()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for one in tree_iter(result):
            if isinstance(one, Tensor):
                self._count(one.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        place, size = storage._cdata, storage.nbytes()
        if place in self._known:
            return
        if self.held + size > self.limit:
            self.refusals += 1
            raise torch.OutOfMemoryError(f"tried to allocate {size} bytes, {self.held} of {self.limit} are held")
        self._known.add(place)
        self.held += size
        self.most = max(self.most, self.held)
        weakref.finalize(storage, self._free, place, size)

    def _free(self, place: int, size: int) -> None:
        self._known.discard(place)
        self.held -= size


@contextmanager
def refusing(limit: int) -> Iterator[RefusingAllocator]:
    """Inside, operations may hold so many bytes."""
    with RefusingAllocator(limit) as allocator:
        yield allocator
