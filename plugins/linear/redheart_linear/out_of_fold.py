"""Answers on training records that were not learnt from: each by the fit on the other folds (Stone 1974)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

FOLDS = 5


def out_of_fold(fit: Callable[[Mask], Matrix], features: Matrix, folds: NDArray[np.int64]) -> Matrix:
    """What a linear map says of each record when it is fitted on the records of the other folds.

    Args:
        fit: Which records to fit on, (N,), to coefficients (V + 1, L), the last row the bias.
        features: (N, V), an array or a SciPy sparse matrix of rows.
        folds: (N,), the fold of each record.

    Returns:
        (N, L).
    """
    parts = {}
    for fold in np.unique(folds):
        held = folds == fold
        coefficients = fit(~held)
        parts[fold] = held, features[held] @ coefficients[:-1] + coefficients[-1]
    answers = np.empty((len(folds), next(iter(parts.values()))[1].shape[1]))
    for held, part in parts.values():
        answers[held] = part
    return answers
