"""Calibration of probabilities: bins of equal width, and temperature scaling (Guo et al. 2017)."""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, IntArray, axes, finite, positive, whole, within

BINS = 15
TEMPERATURES = (0.05, 20.0)
LEAST = 1e-6
"""A probability counts as at least so far from 0, and of a 0/1 label from 1, so that it has a logarithm."""


@attrs.frozen(eq=False)
class CalibrationBins:
    """Predictions in bins (lo, hi] of equal width, the first with 0, beside what came true."""

    counts: IntArray
    """(bins,) predictions in each."""
    predicted: FloatArray
    """(bins,) 0..1, their mean; NaN in empty bins."""
    observed: FloatArray
    """(bins,) 0..1, the mean of what came true; NaN in empty bins."""

    @property
    def gaps(self) -> FloatArray:
        """(bins,) |observed - predicted|, NaN in empty bins."""
        return np.asarray(np.abs(self.observed - self.predicted))

    @property
    def expected_error(self) -> float:
        """ECE, 0..1: the mean of the gaps over predictions (Naeini et al. 2015)."""
        return float(np.nansum(self.gaps * self.counts) / self.counts.sum())

    @property
    def largest_error(self) -> float:
        """MCE, 0..1: the largest gap of a bin that holds predictions."""
        return float(np.nanmax(self.gaps))

    @property
    def error_by_chance(self) -> float:
        """About the ECE of probabilities that are right, of labels that are 0 or 1: bins of few predictions have gaps.

        A gap is about normal around 0, so that its mean size is sqrt(2 / pi) standard deviations.
        """
        p, counts = self.predicted, self.counts
        return float(np.nansum(np.sqrt(2.0 * p * (1.0 - p) * counts / math.pi)) / counts.sum())


def calibration_bins(predicted: npt.ArrayLike, observed: npt.ArrayLike, bins: int = BINS) -> CalibrationBins:
    """Bin predictions by their size.

    Args:
        predicted: (n,) probabilities or shares, 0..1.
        observed: (n,) what came true: 0 or 1, or the share that did.
        bins: How many, >= 1.
    """
    p = axes("predicted", within("predicted", predicted, 0.0, 1.0), "n")
    y = within("observed", observed, 0.0, 1.0)
    if p.ndim != 1 or p.shape != y.shape:
        raise DataError(f"calibration_bins needs equally many of both, got {p.shape} and {y.shape}")
    size = int(whole("bins", bins, 1))
    # i / bins, not linspace, whose 0.30000000000000004 moves a prediction of 0.3 into another bin
    place = np.maximum(np.searchsorted(np.arange(size + 1) / size, p, side="left") - 1, 0)
    counts = np.bincount(place, minlength=size)
    held = np.where(counts > 0, counts, np.nan)
    return CalibrationBins(counts, np.bincount(place, p, size) / held, np.bincount(place, y, size) / held)


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """T in 0.05..20 with the least mean of -ln softmax(z / T)_y; the bound where the least is beyond it.

    Args:
        logits: (n, K) z, K >= 2.
        labels: (n,) in 0..K - 1.

    Raises:
        DataError: All logits of each record are equal, so no temperature changes anything.
    """
    z = _logits(logits)
    place = whole("labels", labels, 0, z.shape[1])
    if place.shape != z.shape[:1]:
        raise DataError(f"labels need the shape {z.shape[:1]}, got {place.shape}; give one per record")
    return _fit_temperature(z, z[np.arange(len(z)), place])


def fit_temperature_to_shares(logits: npt.ArrayLike, shares: npt.ArrayLike) -> float:
    """The same for the mean cross-entropy with shares that sum to one.

    Args:
        logits: (n, K) z, K >= 2. Those of a 0/1 label with the logit z are (z, 0).
        shares: (n, K), 0..1; those of a 0/1 label y are (y, 1 - y).

    Raises:
        DataError: As fit_temperature.
    """
    z, t = _logits(logits), within("shares", shares, 0.0, 1.0)
    if t.shape != z.shape:
        raise DataError(f"shares need the shape {z.shape}, got {t.shape}; give one row per record")
    return _fit_temperature(z, (t * z).sum(1))


def tempered(probabilities: npt.ArrayLike, temperature: float, binary: bool = False) -> FloatArray:
    """Probabilities whose logits are divided by a temperature.

    Args:
        probabilities: (..., K) that sum to one, or any of 0/1 labels.
        temperature: T > 0; 1 leaves them as they are, up to LEAST and rounding.
        binary: Whether each is that of a 0/1 label.
    """
    p, t = within("probabilities", probabilities, 0.0, 1.0), float(positive("temperature", temperature))
    if binary:
        return np.asarray(special.expit(special.logit(np.clip(p, LEAST, 1.0 - LEAST)) / t))
    z = np.log(np.maximum(p, LEAST)) / t
    shares = np.exp(z - z.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))


def _logits(logits: npt.ArrayLike) -> FloatArray:
    z = axes("logits", finite("logits", logits), "n")
    if z.ndim != 2 or z.shape[1] < 2:
        raise DataError(f"logits need the shape (n, K >= 2), got {z.shape}; give one row per record")
    return z


def _fit_temperature(z: FloatArray, truth: FloatArray) -> float:
    """The temperature for logits (n, K), of which those of what is true are (n,), or their mean by shares."""
    from scipy.optimize import brentq  # half a second, which only this function needs

    if np.ptp(z, axis=1).max() == 0.0:
        raise DataError("all logits of each record are equal, no temperature changes anything; check the model")

    def slope(log_temperature: float) -> float:
        """Of the mean NLL in -1/T: the mean of z_y - sum_k p_k z_k, falling to rising with T."""
        p = special.softmax(z / math.exp(log_temperature), axis=1)
        return float(np.mean(truth - (p * z).sum(1)))

    low, high = map(math.log, TEMPERATURES)
    # the NLL is convex in 1/T, so the slope changes its sign at most once
    if slope(low) >= 0.0:
        return TEMPERATURES[0]
    if slope(high) <= 0.0:
        return TEMPERATURES[1]
    return math.exp(brentq(slope, low, high, xtol=1e-14, rtol=1e-14))
