"""How often each text holds each term, on disk.

Only counts are stored, since the weights follow from them bit for bit. The columns of a text's terms, ascending, are
stored as gaps of 1 and more, from one to the next. A gap is a byte of 1..255 and a number of times that 255 is added to
it, which is said by as many zeros before a one in a stream of bits (Golomb 1966). A byte of 0 says that the term before
it occurs again, and the zeros how often beyond that. This takes little more than a byte for each term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from redheart_core.data.mapped import map_tensors, narrowest, write_tensors
from redheart_core.data.spool import Spool
from redheart_core.data.term_view import TermView

_BASE = 255
"""Values of a byte that is not 0."""
_BLOCK = 2000
"""Texts that are counted or weighed together, which bounds the memory beside the result."""


@attrs.frozen(eq=False)
class _Gaps:
    """The gaps of some texts, and between them how often terms occur again, one text after another."""

    sizes: NDArray[Any]
    """(B,) how many entries each text has."""
    spans: NDArray[Any]
    """(B,) how many bytes of the bits are each text's."""
    lows: NDArray[np.uint8]
    """The byte of each entry."""
    bits: NDArray[np.uint8]
    """The zeros of each entry and a one; each text begins with a byte of its own."""


class TermCounts:
    """The counts of N texts, memory-mapped."""

    def __init__(self, path: Path, view: TermView) -> None:
        """Open what write_term_counts wrote with this view."""
        self._view = view
        self._stored = _Gaps(**map_tensors(path))
        self._starts, self._bit_starts = _starts(self._stored.sizes), _starts(self._stored.spans)

    def sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """At least how many terms each of these texts holds and at most twice as many, (B,)."""
        return self._stored.sizes[rows].astype(np.int64)

    def weights(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """(B, V) float32, as TermView.weigh gives them for the texts of these rows."""
        if len(rows) <= _BLOCK:
            return self._weigh(rows)
        blocks = [self._weigh(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        return sparse.vstack(blocks, format="csr")

    def known(self, rows: NDArray[np.int64], texts: Sequence[str]) -> NDArray[np.float64]:
        """(B, 2), as TermView.known gives it for these texts, which are those of these rows."""
        blocks = [
            self._view.known_of_counts(texts[start : start + _BLOCK], self._counts_of(rows[start : start + _BLOCK]))
            for start in range(0, len(rows), _BLOCK)
        ]
        return np.concatenate([np.empty((0, 2)), *blocks])

    def _weigh(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        return self._view.weigh_counts(self._counts_of(rows))

    def _counts_of(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """(B, V) int32, as TermView.count gives them."""
        sizes, spans = self._stored.sizes[rows], self._stored.spans[rows]
        lows = self._stored.lows[_ranges(self._starts[rows], sizes)]
        bits = self._stored.bits[_ranges(self._bit_starts[rows], spans)]
        return _counts(_Gaps(sizes, spans, lows, bits), self._view.size)


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
        "sizes": Spool(np.int32, (), scratch),
        "spans": Spool(np.int32, (), scratch),
        "lows": Spool(np.uint8, (), scratch),
        "bits": Spool(np.uint8, (), scratch),
    }
    done = 0
    given = iter(texts)
    while block := list(islice(given, _BLOCK)):
        for name, array in attrs.asdict(_gaps(view.count(block)), recurse=False).items():
            spools[name].append(array)
        done += len(block)
        tell(done)
    arrays = {name: spool.array() for name, spool in spools.items()}
    write_tensors(path, arrays | {name: narrowest(arrays[name]) for name in ("sizes", "spans")})


def _gaps(counts: Any) -> _Gaps:
    """(B, V) sparse counts, columns ascending, to gaps."""
    often = counts.data > 1
    places = _starts(1 + often)
    pointers = places[counts.indptr]
    sizes = np.diff(pointers)
    before = np.concatenate([np.full(1, -1, np.int64), counts.indices[:-1]])
    before[counts.indptr[:-1][sizes > 0]] = -1
    zeros, lows = np.zeros(places[-1], np.int64), np.zeros(places[-1], np.uint8)
    zeros[places[:-1]], rests = np.divmod(counts.indices - before - 1, _BASE)
    lows[places[:-1]] = rests + 1
    zeros[places[:-1][often] + 1] = counts.data[often] - 2
    ends = _starts(zeros + 1)
    used = ends[pointers]
    spans = -(-np.diff(used) // 8)
    bits = np.zeros(8 * spans.sum(), bool)
    bits[ends[1:] - 1 + np.repeat(8 * _starts(spans)[:-1] - used[:-1], sizes)] = True
    return _Gaps(sizes, spans, lows, np.packbits(bits))


def _counts(gaps: _Gaps, terms: int) -> sparse.csr_matrix:
    """Gaps to the (B, V) counts."""
    pointers = _starts(gaps.sizes)
    ones = np.flatnonzero(np.unpackbits(gaps.bits))
    before = np.concatenate([np.full(1, -1, np.int64), ones[:-1]])
    filled = gaps.sizes > 0
    before[pointers[:-1][filled]] = 8 * _starts(gaps.spans)[:-1][filled] - 1
    zeros = ones - before - 1
    again = gaps.lows == 0
    totals = _starts(np.where(again, 0, zeros * _BASE + gaps.lows))
    columns = (totals[1:] - np.repeat(totals[pointers[:-1]], gaps.sizes) - 1)[~again]
    numbers = _starts(~again)
    counts = np.ones(len(columns), np.int32)
    counts[numbers[:-1][again] - 1] += (zeros[again] + 1).astype(np.int32)
    parts = (counts, columns.astype(np.int32), numbers[pointers].astype(np.int32))
    return sparse.csr_matrix(parts, shape=(len(gaps.sizes), terms))


def _starts(sizes: NDArray[Any]) -> NDArray[np.int64]:
    """(N,) sizes to where each begins and the last ends, (N + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def _ranges(starts: NDArray[np.int64], sizes: NDArray[Any]) -> NDArray[np.int64]:
    """All places from each start on, so many as its size says."""
    begins = _starts(sizes)
    return np.arange(begins[-1]) + np.repeat(starts - begins[:-1], sizes)
