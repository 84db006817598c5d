"""How often each text holds each term, on disk.

Only counts are stored, in the narrowest integers, since the weights follow from them bit for bit: the columns of the
terms that a text holds, and apart from those the few that it holds more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from redheart_core.data.mapped import map_tensors, write_tensors
from redheart_core.data.spool import Spool
from redheart_core.data.term_view import TermView

_BLOCK = 2000
"""Texts that are counted or weighed together, which bounds the memory beside the result."""


class TermCounts:
    """The counts of N texts, memory-mapped."""

    def __init__(self, path: Path, view: TermView) -> None:
        """Open what write_term_counts wrote with this view."""
        self._view = view
        self._tensors = map_tensors(path)

    def sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many terms each of these texts holds, (B,)."""
        starts: NDArray[np.int64] = self._tensors["starts"]
        return starts[rows + 1] - starts[rows]

    def weights(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """(B, V) float32, as TermView.weigh gives them for the texts of these rows."""
        if len(rows) <= _BLOCK:
            return self._weigh(rows)
        blocks = [self._weigh(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        return sparse.vstack(blocks, format="csr")

    def _weigh(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        once = self._part("", rows)
        more = self._part("more_", rows)
        counts = once + more if more.nnz else once
        return self._view.weigh_counts(counts)

    def _part(self, prefix: str, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        starts, columns = self._tensors[f"{prefix}starts"], self._tensors[f"{prefix}columns"]
        sizes = starts[rows + 1] - starts[rows]
        pointers = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        places = np.arange(pointers[-1]) + np.repeat(starts[rows] - pointers[:-1], sizes)
        values = self._tensors["more_counts"][places].astype(np.int32) if prefix else np.ones(len(places), np.int32)
        parts = (values, columns[places].astype(np.int32), pointers.astype(np.int32))
        return sparse.csr_matrix(parts, shape=(len(rows), self._view.size))


def write_term_counts(
    path: Path, view: TermView, texts: Iterable[str], scratch: Path, tell: Callable[[int], None]
) -> None:
    """Count the terms of all texts, a block at a time, and write the file.

    Args:
        path: Where.
        view: The terms.
        texts: All of them.
        scratch: Folder for unnamed files.
        tell: Called with the number of texts that are done.

    Raises:
        FileError: Disk full or the like.
    """
    spools = {
        "starts": Spool(np.int64, (), scratch),
        "columns": Spool(np.uint16 if view.size <= 1 << 16 else np.int32, (), scratch),
        "more_starts": Spool(np.int64, (), scratch),
        "more_columns": Spool(np.uint16 if view.size <= 1 << 16 else np.int32, (), scratch),
        "more_counts": Spool(np.int32, (), scratch),
    }
    for name in ("starts", "more_starts"):
        spools[name].append(np.zeros(1, np.int64))
    done = 0
    given = iter(texts)
    while block := list(islice(given, _BLOCK)):
        counts = view.count(block)
        above = counts.copy()
        above.data -= 1
        above.eliminate_zeros()
        for prefix, part in (("", counts), ("more_", above)):
            spools[f"{prefix}starts"].append(part.indptr[1:] + len(spools[f"{prefix}columns"]))
            spools[f"{prefix}columns"].append(part.indices)
        spools["more_counts"].append(above.data)
        done += len(block)
        tell(done)
    write_tensors(path, {name: _narrowest(name, spool.array()) for name, spool in spools.items()})


def _narrowest(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if name != "more_counts":
        return array
    largest = int(array.max(initial=0))
    return array.astype(np.uint8 if largest < 1 << 8 else np.uint16 if largest < 1 << 16 else np.int32)
