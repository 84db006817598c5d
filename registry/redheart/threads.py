"""Torch has one number of threads for a whole process; a notebook gets its own one back."""

from __future__ import annotations

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
