"""What is fitted at once is fitted on a sample where there is too much, so that memory does not grow with the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def draw_rows(rows: Rows, sizes: npt.ArrayLike, most: int, key: Callable[[int], bytes]) -> Rows:
    """All of the rows, or as many as have at most so much together, drawn as if by chance.

    Args:
        rows: Row numbers, ascending.
        sizes: How much each of them has.
        most: How much the drawn ones may have; one row is drawn whatever it has.
        key: Row to what decides the order of drawing, such as a hash of the record's id.

    Returns:
        Row numbers, ascending.
    """
    held = np.asarray(sizes, dtype=np.int64)
    if int(held.sum()) <= most:
        return rows
    keys = [key(row) for row in rows.tolist()]
    order = np.array(sorted(range(len(rows)), key=keys.__getitem__))
    count = max(1, int(np.searchsorted(np.cumsum(held[order]), most, side="right")))
    return np.sort(rows[order[:count]])
