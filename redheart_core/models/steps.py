"""The steps of an assembly: where it is, and how long each takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Is told what is going on, how much of it is done, and of how much."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Tells nobody."""


def shown(progress: Progress, what: str, items: Sequence[T]) -> Iterator[T]:
    """The items, one by one as they are done."""
    for number, item in enumerate(items):
        progress(what, number, len(items))
        yield item
    progress(what, len(items), len(items))


@contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Inside, a step is done; its time is added to what it has taken."""
    started = time.perf_counter()
    yield
    seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - started
