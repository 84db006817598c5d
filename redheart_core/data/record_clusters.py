"""Which records belong together: near-duplicates, and those that a data set declares as versions of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from redheart_core.data.near_duplicates import Integers, join_pairs, number_by_first


def merge_clusters(alike: Integers, declared: Sequence[str | None]) -> Integers:
    """Number the sets of records that near-duplicates and declared clusters connect, (N,), by their first records.

    Args:
        alike: (N,), as near_duplicate_clusters numbers them.
        declared: N, the cluster that the data set gives each record; None connects it to nothing.
    """
    first: dict[str, int] = {}
    pairs = [(first.setdefault(name, row), row) for row, name in enumerate(declared) if name is not None]
    labels = alike.copy()
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    join_pairs(labels, left, right)
    return number_by_first(labels)
