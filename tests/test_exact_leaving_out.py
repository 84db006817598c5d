"""Folds that keep clusters whole, and linear fits without a cluster in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from redheart_core.exact.leaving_out import balanced_folds, clusters_of_several, left_out_errors


def test_records_by_themselves_take_turns() -> None:
    ranks = np.random.default_rng(0).permutation(53)
    np.testing.assert_array_equal(balanced_folds(ranks, 5), ranks % 5)


def test_clusters_stay_whole_and_folds_are_about_as_large_as_each_other() -> None:
    sizes = [40, 1, 1, 30, 5, 5, 5, 5, 5, 2, 1, 30, 10, 10, 20]
    ranks = np.random.default_rng(0).permutation(np.repeat(np.arange(15), sizes))
    folds = balanced_folds(ranks, 5)
    assert [len(set(folds[ranks == rank])) for rank in range(15)] == [1] * 15
    assert [int(folds[ranks == rank][0]) for rank in range(5)] == [0, 1, 2, 3, 4]
    counts = np.bincount(folds, minlength=5)
    assert counts.sum() == 170
    assert counts.max() - counts.min() <= 20
    np.testing.assert_array_equal(balanced_folds(ranks, 170), ranks)


def test_fewer_clusters_than_folds_leave_some_empty() -> None:
    np.testing.assert_array_equal(balanced_folds(np.array([7, 7, 3, 7]), 5), [1, 1, 0, 1])


def test_clusters_of_several_are_the_places_of_each() -> None:
    found = list(clusters_of_several(np.array([4, 9, 4, 1, 9, 4])))
    assert [places.tolist() for places in found] == [[0, 2, 5], [1, 4]]


@pytest.mark.parametrize("sizes", [[1] * 20, [3, 1, 7, 2, 1, 6], [15, 5]])
def test_errors_without_a_cluster_are_those_of_refits(sizes: list[int]) -> None:
    draw, clusters = np.random.default_rng(1), np.repeat(np.arange(len(sizes)), sizes)
    x, y = np.hstack([np.ones((20, 1)), draw.normal(size=(20, 3))]), draw.normal(size=(20, 2))
    ridge = np.diag([0.0, 1.0, 1.0, 1.0])
    rest = np.eye(20) - x @ np.linalg.solve(x.T @ x + ridge, x.T)
    found = left_out_errors(rest @ y, np.diag(rest), lambda rows: rest[np.ix_(rows, rows)], clusters)
    for cluster in range(len(sizes)):
        held = clusters == cluster
        others, targets = x[~held], y[~held]
        refit = np.linalg.solve(others.T @ others + ridge, others.T @ targets)
        np.testing.assert_allclose(found[held], y[held] - x[held] @ refit, atol=1e-10)
