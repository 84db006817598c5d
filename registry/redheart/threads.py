"""What a process has one of, and a notebook gets back: torch's number of threads, and the search for cycles."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keeping_threads(threads: int | None = None) -> Iterator[None]:
    """Inside, the number of threads may change; afterwards it is what it was.

    Args:
        threads: The number inside, which decides how sums are split and so their last bits; what is inside chooses it
            if left out. Torch is not imported for that.
    """
    before = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None
    if threads is not None:
        from redheart_core.storage.runtime import use_threads

        use_threads(threads)
    try:
        yield
    finally:
        if "redheart_core.storage.runtime" in sys.modules:
            from redheart_core.storage.runtime import THREADS_AT_START, use_threads

            use_threads(THREADS_AT_START if before is None else before)


@contextmanager
def making_what_stays() -> Iterator[None]:
    """Inside, Python looks for no cycles among objects, which takes a tenth of the time where many are made to stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
