"""Conformal risk control of label sets: how many of a record's true labels a set may miss (Angelopoulos et al. 2022).

The set of a record holds the labels whose probability is at least one threshold for all labels. A lower threshold never
misses more. Calibration and test data have to be disjoint; the functions cannot see it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import BoolArray, FloatArray, axes, positive, within


def risk_threshold(probabilities: npt.ArrayLike, truth: npt.ArrayLike, alpha: float) -> float | None:
    """The highest threshold whose sets miss at most the share alpha of a new record's true labels, on average.

    It is the highest t with (sum of the shares that are missed + 1) / (n + 1) <= alpha over the n calibration records
    that have a true label, so that the expected share of a new such record is at most alpha.

    Args:
        probabilities: (N, L) of labels that are 0 or 1.
        truth: (N, L), which labels are true.
        alpha: Share that may be missed.

    Returns:
        A probability; None where the records are too few, n + 1 < 1 / alpha, so that only the set of all labels holds.
    """
    p, true = _both(probabilities, truth)
    positive("alpha and 1 - alpha", [alpha, 1.0 - alpha], "choose the share of misses, e.g. 0.1")
    labelled = true.any(1)
    p, true = p[labelled], true[labelled]
    most = alpha * (len(p) + 1) - 1.0
    if most < 0.0:
        return None
    shares = np.broadcast_to(1.0 / true.sum(1, keepdims=True), true.shape)[true]
    order = np.argsort(p[true], kind="stable")
    missed = np.cumsum(shares[order])
    # the label that is one too many has to be held; missed ends at n, which is above most
    return float(p[true][order][np.searchsorted(missed, most + 1e-12, side="right")])


def missed_shares(kept: npt.ArrayLike, truth: npt.ArrayLike) -> FloatArray:
    """The share of its true labels that each record's set misses; NaN for records without a true label.

    Args:
        kept: (N, L), which labels are in the set.
        truth: (N, L), which labels are true.

    Returns:
        (N,).
    """
    held, true = np.asarray(kept, bool), np.asarray(truth, bool)
    if held.ndim != 2 or held.shape != true.shape:
        raise DataError(f"missed_shares needs two tables (N, L) of one shape, got {held.shape} and {true.shape}")
    counts = true.sum(1)
    return np.where(counts > 0, (true & ~held).sum(1) / np.maximum(counts, 1), np.nan)


def _both(probabilities: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    p, true = axes("probabilities", within("probabilities", probabilities, 0.0, 1.0), "labels"), np.asarray(truth, bool)
    if p.ndim != 2 or p.shape != true.shape:
        raise DataError(f"risk_threshold needs two tables (N, L) of one shape, got {p.shape} and {true.shape}")
    return p, true
