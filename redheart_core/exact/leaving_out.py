"""Fits to other records than those that are answered: folds, and linear fits without a cluster in closed form.

Records of a cluster, such as near-duplicates, are left out together: what is learnt from one of them knows the others.
Shapes: N records, L labels.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

import numpy as np

from redheart_core.exact.numbers import FloatArray, IntArray


def balanced_folds(ranks: IntArray, count: int) -> IntArray:
    """A fold 0..count-1 for each record, (N,): one cluster after the other goes to the smallest fold, the first of
    equals.

    Args:
        ranks: (N,), equal within a cluster; the cluster of the least rank comes first.
        count: Of folds; some stay empty if there are fewer clusters.
    """
    _, places, sizes = np.unique(ranks, return_inverse=True, return_counts=True)
    waiting = [(0, fold) for fold in range(count)]  # a heap: the smallest fold is the first
    folds = np.empty(len(sizes), np.int64)
    for place, size in enumerate(sizes.tolist()):
        held, folds[place] = waiting[0]
        heapq.heapreplace(waiting, (held + size, int(folds[place])))
    return folds[places]


def clusters_of_several(clusters: IntArray) -> Iterator[IntArray]:
    """The places, ascending, of the records of each cluster (N,) that has two or more."""
    order = np.argsort(clusters, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1):
        if len(places) > 1:
            yield places


def left_out_errors(
    residuals: FloatArray, own: FloatArray, among: Callable[[IntArray], FloatArray], clusters: IntArray
) -> FloatArray:
    """Target less answer of the fit without the record's cluster, (N, L), for a fit that is linear in the targets.

    With the hat matrix H, which turns targets into fitted answers, the errors of a cluster are (1 - H)^-1 times its
    residuals, both restricted to it (Cook and Weisberg 1982, section 3.6).

    Args:
        residuals: (N, L) target less answer of the fit to all.
        own: (N,) the diagonal of 1 - H.
        among: From places (S,) to 1 - H among them, (S, S).
        clusters: (N,), equal within a cluster; two at least.
    """
    errors: FloatArray = residuals / own[:, None]
    for places in clusters_of_several(clusters):
        errors[places] = np.linalg.solve(among(places), residuals[places])
    return errors
