"""Distance in the space of the encoder: the leverage of ridge regression, x' (X'X / n + a I)^-1 x.

Along directions in which the training texts differ much a text may be far from their mean; along the others it may not
(Mahalanobis 1936; Hoerl and Kennard 1970 for the ridge, without which directions that hold nothing but noise decide).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerTexts

DIRECTIONS = 64
"""That are kept; what lies in all others together counts as one."""
RIDGE = 0.05
"""Of the mean variance over the directions."""


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """Mean, main directions in half precision, and the weight of each; the last weight is that of the rest."""
    vectors = texts.vectors.astype(np.float64)
    mean = vectors.mean(0)
    spread, axes = np.linalg.eigh(np.cov(vectors - mean, rowvar=False, bias=True).reshape(len(mean), -1))
    kept = min(DIRECTIONS, len(mean))
    main, rest = spread[::-1][:kept].clip(0.0), spread[: len(mean) - kept].clip(0.0)
    ridge = RIDGE * spread.clip(0.0).mean() + np.finfo(np.float32).tiny
    weights = 1.0 / (np.append(main, rest.mean() if len(rest) else 0.0) + ridge)
    return {
        "mean": mean.astype(np.float32),
        "directions": axes[:, ::-1][:, :kept].astype(np.float16),
        "weights": weights.astype(np.float32),
    }


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The square root of the leverage; NaN for a text of which the encoder knows no part."""
    from_mean = texts.vectors.astype(np.float64) - arrays["mean"]
    directions, weights = arrays["directions"].astype(np.float64), arrays["weights"].astype(np.float64)
    along = from_mean @ directions
    rest = ((from_mean - along @ directions.T) ** 2).sum(1)
    found = np.sqrt((along**2 * weights[:-1]).sum(1) + rest * weights[-1])
    return np.where(texts.vectors.any(1), found, np.nan)
