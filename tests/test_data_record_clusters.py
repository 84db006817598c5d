"""Near-duplicates and declared clusters connect records, whichever of them come first."""

from __future__ import annotations

import numpy as np

from redheart_core.data.record_clusters import merge_clusters


def test_declared_clusters_join_near_duplicates_transitively() -> None:
    alike = np.array([0, 1, 1, 2, 3, 4])
    declared = ["a", None, "b", "a", "b", None]
    assert merge_clusters(alike, declared).tolist() == [0, 1, 1, 0, 1, 2]


def test_without_declared_clusters_nothing_changes() -> None:
    alike = np.array([0, 1, 0, 2])
    assert merge_clusters(alike, [None] * 4).tolist() == alike.tolist()
