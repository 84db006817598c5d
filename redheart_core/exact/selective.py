"""Selective prediction: what is lost where the least sure records are not answered (Geifman and El-Yaniv 2017)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, finite


def risk_coverage(confidence: npt.ArrayLike, losses: npt.ArrayLike) -> FloatArray:
    """The mean loss of the k surest of n records, k = 1..n; equally sure ones count by the mean of their losses.

    Args:
        confidence: (n,), n >= 1; the higher, the surer.
        losses: (n,).

    Returns:
        (n,); its mean is the area under the risk-coverage curve (AURC).
    """
    sure, lost = axes("confidence", finite("confidence", confidence), "n"), finite("losses", losses)
    if sure.ndim != 1 or sure.shape != lost.shape:
        raise DataError(f"risk_coverage needs equally many of both, got {sure.shape} and {lost.shape}")
    _, place = np.unique(-sure, return_inverse=True)
    mean = np.bincount(place, lost) / np.bincount(place)
    ordered = mean[np.sort(place)]
    return np.asarray(np.cumsum(ordered) / np.arange(1, len(ordered) + 1))
