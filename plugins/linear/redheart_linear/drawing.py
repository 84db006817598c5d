"""Which of many records strengths are chosen on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 5


def draw(order: NDArray[np.int64], clusters: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The places of the first records in an order: all, or so many of which no cluster gives more than a fifth.

    Args:
        order: (N,) ranks; of equal ones the first record comes first.
        clusters: (N,), equal within a cluster.
        most: Above 0.
    """
    first = np.argsort(order, kind="stable")
    if len(first) <= most:
        return first
    return first[_place_in_cluster(clusters)[first] < max(1, most // FOLDS)][:most]


def _place_in_cluster(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many records of its cluster stand before each, (N,)."""
    order = np.argsort(clusters, kind="stable")
    _, starts, sizes = np.unique(clusters[order], return_index=True, return_counts=True)
    places = np.empty(len(clusters), np.int64)
    places[order] = np.arange(len(clusters)) - np.repeat(starts, sizes)
    return places
