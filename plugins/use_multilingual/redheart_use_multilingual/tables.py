"""What the network computes of a token alone, kept for when it comes again: a few thousand are most of all texts.

A product of matrices adds up a row in an order that may depend on how many rows there are and on the row's place. So as
many tokens are computed together every time, each at a place of its own: the bits of its rows depend on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from threading import Lock

import attrs
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
TOKENS = 4096
"""Whose rows are kept, 15 kB each; when there is no room for further ones all are forgotten."""
ROWS = 8
"""Tokens that are computed together; the place of each is what is left of its number."""


@attrs.frozen(eq=False)
class Tables:
    """One row for each token that was computed; the last row is 0 and stands outside of a chunk."""

    embedded: Floats
    """(U + 1, 512)."""
    projected: Floats
    """(U + 1, 768), side by side for each convolution."""
    products: Sequence[Sequence[Floats]]
    """(U + 1, 256) for each convolution and each place that it reads."""
    places: dict[int, int] = attrs.field(factory=dict)
    """Token to row."""

    @property
    def size(self) -> int:
        """Tokens for which there is room."""
        return len(self.embedded) - 1

    def add(self, tokens: Sequence[int], given: Tables, rows: Sequence[int]) -> None:
        """Take over the rows of tokens from other tables."""
        first = len(self.places)
        own = slice(first, first + len(tokens))
        self.embedded[own], self.projected[own] = given.embedded[rows], given.projected[rows]
        for tables, others in zip(self.products, given.products, strict=True):
            for table, numbers in zip(tables, others, strict=True):
                table[own] = numbers[rows]
        self.places.update(zip(tokens, range(own.start, own.stop), strict=True))


class KnownTokens:
    """Rows of tokens, computed when they are asked for first; many threads may ask.

    Args:
        make: Gives empty tables for so many tokens.
        compute: Gives the rows of ROWS tokens.
    """

    def __init__(self, make: Callable[[int], Tables], compute: Callable[[NDArray[np.int64]], Tables]) -> None:
        self._make, self._compute = make, compute
        self._tables = make(TOKENS)
        self._lock = Lock()

    def find(self, tokens: Sequence[int]) -> tuple[Tables, NDArray[np.int64]]:
        """Tables that hold some tokens, and the row of each, (N,). Rows that were given out never change."""
        with self._lock:
            known, asked = self._tables, dict.fromkeys(tokens)
            unknown = [one for one in asked if one not in known.places]
            if len(known.places) + len(unknown) > known.size:
                known, unknown = self._make(max(TOKENS, len(asked))), [*asked]
                if len(asked) <= TOKENS:
                    self._tables = known
            for some in _together(unknown):
                rows = [row for row, token in enumerate(some) if token is not None]
                computed = self._compute(np.array([token or 0 for token in some]))
                known.add([some[row] or 0 for row in rows], computed, rows)
            return known, np.array([known.places[one] for one in tokens], np.int64)


def _together(tokens: Sequence[int]) -> Iterator[tuple[int | None, ...]]:
    """ROWS tokens at a time, each at its place; None where there is none."""
    lanes: list[list[int]] = [[] for _ in range(ROWS)]
    for token in tokens:
        lanes[token % ROWS].append(token)
    yield from zip_longest(*lanes)
