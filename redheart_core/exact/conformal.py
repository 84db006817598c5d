"""Split conformal prediction and its coverage (Vovk et al. 2005; Angelopoulos and Bates 2023).

Calibration and test data have to be disjoint; the functions cannot see it.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import (
    BoolArray,
    FloatArray,
    axes,
    batch,
    distribution,
    finite,
    positive,
    real,
    whole,
    within,
)

TIE = 1e-12
"""A score this little above the threshold is kept."""


def conformal_rank(count: int, alpha: float) -> int:
    """k = ceil((n + 1)(1 - alpha)), which is n + 1 where n scores are too few; alpha in 0..1 without the ends."""
    number = int(whole("count of calibration scores", count, 0))
    positive("alpha and 1 - alpha", [alpha, 1.0 - alpha], "choose the share of misses, e.g. 0.1")
    return math.ceil((number + 1) * (1.0 - alpha) - 1e-12)


def conformal_quantile(scores: npt.ArrayLike, alpha: float) -> FloatArray:
    """The k-th smallest of the calibration scores of the last axis, infinity if there are fewer than k.

    Args:
        scores: (..., n) of the true labels, n >= 1.
        alpha: Share of misses that is allowed.

    Returns:
        (...,).
    """
    array = axes("calibration scores", finite("calibration scores", scores), "n")
    rank = conformal_rank(array.shape[-1], alpha)
    if rank > array.shape[-1]:
        return np.full(array.shape[:-1], np.inf)
    return np.asarray(np.sort(array, -1)[..., rank - 1])


def class_quantiles(scores: npt.ArrayLike, labels: npt.ArrayLike, classes: int, alpha: float) -> FloatArray:
    """One threshold for each class from the scores of its own records (Vovk 2012); infinity for classes with too few.

    Args:
        scores: (n,) of the true labels.
        labels: (n,) in 0..classes - 1.
        classes: How many there are.
        alpha: Share of misses that is allowed in each class.

    Returns:
        (classes,), to be used as the threshold of `prediction_sets`.
    """
    array, of = axes("scores", finite("scores", scores), "n"), whole("labels", labels, 0, classes)
    if array.ndim != 1 or array.shape != of.shape:
        raise DataError(f"class_quantiles needs equally many scores and labels, got {array.shape} and {of.shape}")
    groups = [array[of == number] for number in range(classes)]
    return np.array([float(conformal_quantile(group, alpha)) if group.size else np.inf for group in groups])


def lac_scores(probabilities: npt.ArrayLike) -> FloatArray:
    """1 - p of every label (Sadinle, Lei and Wasserman 2019): (..., K) to (..., K)."""
    return np.asarray(1.0 - distribution("probabilities", probabilities))


def aps_scores(probabilities: npt.ArrayLike, u: npt.ArrayLike = 1.0) -> FloatArray:
    """Of every label: the mass strictly ahead of it in descending order (stable for ties) + u p.

    The adaptive prediction sets of Romano, Sesia and Candes (2020).

    Args:
        probabilities: (..., K).
        u: (...,) in 0..1, drawn once per record and used for all its labels; 1 is deterministic.
    """
    p = distribution("probabilities", probabilities)
    share = within("u", u, 0.0, 1.0)
    if batch("u and probabilities", share.shape, p.shape[:-1]) != p.shape[:-1]:
        raise DataError(f"u needs one number per record, {p.shape[:-1]}, got {share.shape}; draw it once per record")
    order = np.argsort(-p, axis=-1, kind="stable")
    ahead = np.zeros_like(p)
    ahead[..., 1:] = np.cumsum(np.take_along_axis(p, order, -1), -1)[..., :-1]
    return _back(ahead, order) + share[..., None] * p


def raps_scores(probabilities: npt.ArrayLike, penalty: float, free_ranks: int, u: npt.ArrayLike = 1.0) -> FloatArray:
    """APS + penalty max(0, rank - free_ranks) (Angelopoulos et al. 2021), ranks from 1; both arguments are >= 0."""
    p = distribution("probabilities", probabilities)
    order = np.argsort(-p, axis=-1, kind="stable")
    over = np.maximum(0, np.arange(1, p.shape[-1] + 1) - whole("free_ranks", free_ranks, 0))
    late = _back(np.broadcast_to(over.astype(np.float64), p.shape), order)
    return np.asarray(aps_scores(p, u) + within("penalty", penalty, 0.0) * late)


def of_labels(scores: npt.ArrayLike, labels: npt.ArrayLike) -> FloatArray:
    """The scores (..., K) at the true labels (...,)."""
    array = axes("scores", finite("scores", scores), "labels")
    place = whole("labels", labels, 0, array.shape[-1])
    if place.shape != array.shape[:-1]:
        raise DataError(f"labels need the shape {array.shape[:-1]}, got {place.shape}; give one per record")
    return np.asarray(np.take_along_axis(array, place[..., None], -1)[..., 0])


def prediction_sets(scores: npt.ArrayLike, threshold: npt.ArrayLike) -> BoolArray:
    """Which labels (..., K) are kept: score <= threshold + 1e-12. A set may be empty.

    Args:
        scores: (..., K).
        threshold: () or broadcastable to (..., K), e.g. (K,) for one per class; infinity keeps all.
    """
    array = axes("scores", finite("scores", scores), "labels")
    limit = real("threshold", threshold)
    if np.isnan(limit).any():
        raise DataError("threshold must not be NaN; use the one from conformal_quantile")
    _ = batch("scores and threshold", array.shape, limit.shape)
    return np.asarray(array <= limit + TIE)


def residual_scores(truth: npt.ArrayLike, prediction: npt.ArrayLike, scale: npt.ArrayLike = 1.0) -> FloatArray:
    """|y - mu| / sigma, elementwise (Lei et al. 2018); sigma > 0. The interval is mu -+ threshold sigma."""
    y, mu, sigma = finite("truth", truth), finite("prediction", prediction), positive("scale", scale)
    _ = batch("truth, prediction and scale", y.shape, mu.shape, sigma.shape)
    return np.asarray(np.abs(y - mu) / sigma)


def cqr_scores(truth: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> FloatArray:
    """max(lo - y, y - hi), elementwise (Romano, Patterson and Candes 2019); below 0 inside.

    The interval is lo - threshold .. hi + threshold.
    """
    y, lo, hi = finite("truth", truth), finite("low", low), finite("high", high)
    _ = batch("truth, low and high", y.shape, lo.shape, hi.shape)
    return np.asarray(np.maximum(lo - y, y - hi))


def _back(values: FloatArray, order: npt.NDArray[np.intp]) -> FloatArray:
    """Values in descending order back to the places of their labels."""
    placed = np.empty_like(values)
    np.put_along_axis(placed, order, values, -1)
    return placed


@attrs.frozen
class Coverage:
    """What coverage a split conformal predictor has for continuous scores (Vovk 2012)."""

    count: int
    """n calibration scores."""
    rank: int
    """k <= n; given the calibration set the coverage is Beta(k, n + 1 - k)."""

    @property
    def mean(self) -> float:
        """k / (n + 1)."""
        return self.rank / (self.count + 1)

    @property
    def sd(self) -> float:
        """Of the Beta law over calibration sets."""
        return math.sqrt(self.mean * (1.0 - self.mean) / (self.count + 2))

    def accepted(self, tests: int, level: float = 0.001) -> tuple[int, int]:
        """Least and largest number of covered records among `tests` that a two-sided test at this level accepts."""
        number = int(whole("tests", tests, 1))
        positive("level and 1 - level", [level, 1.0 - level])
        from scipy.stats import betabinom  # half a second, which only this function needs

        low, high = betabinom.ppf([level / 2.0, 1.0 - level / 2.0], number, self.rank, self.count + 1 - self.rank)
        return int(low), int(high)


def coverage(count: int, alpha: float) -> Coverage:
    """The coverage with n calibration scores at miss share alpha.

    Raises:
        DataError: n is too small, so that the threshold is infinite and everything is covered.
    """
    rank = conformal_rank(count, alpha)
    if rank > count:
        raise DataError(
            f"alpha = {alpha:g} needs at least {math.ceil(1.0 / alpha - 1e-9) - 1} calibration scores, got {count}; "
            "the threshold is infinite and the coverage 1"
        )
    return Coverage(count, rank)
