"""Ridge regression on sparse terms, for values.

Shapes: N records, V terms, L labels. Coefficients are (V + 1, L), the last row the bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

Matrix = NDArray[np.float64]

PENALTIES = (64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.3)
TOLERANCE = 1e-8
"""Relative residual at which the conjugate gradients end."""


@attrs.frozen(eq=False)
class Records:
    """What is to be fitted or judged."""

    terms: Any
    """(N, V) sparse float64."""
    targets: Matrix
    """(N, L), NaN where missing."""


@attrs.frozen(eq=False)
class Choice:
    """The best of some penalties."""

    penalty: float
    coefficients: Matrix
    losses: dict[float, float]
    """Penalty to mean squared error on the validation records."""


def choose(
    train: Records, validation: Records, limits: tuple[float, float], penalties: Sequence[float] = PENALTIES
) -> Choice:
    """The penalty of the least squared error on validation, for all labels of a field; predictions are cut off."""
    solutions = {penalty: solve(train, penalty) for penalty in penalties}
    losses = {}
    for penalty, found in solutions.items():
        predicted = np.clip(validation.terms @ found[:-1] + found[-1], *limits)
        losses[penalty] = float(np.nanmean(np.square(predicted - validation.targets)))
    best = min(losses, key=losses.__getitem__)
    return Choice(best, solutions[best], losses)


def solve(records: Records, penalty: float) -> Matrix:
    """The least of sum of squared errors + penalty * sum of squared weights; the bias is not penalised."""
    coefficients = np.empty((records.terms.shape[1] + 1, records.targets.shape[1]))
    present = ~np.isnan(records.targets)
    for pattern in np.unique(present, axis=1).T:  # labels that the same records have
        labels = np.flatnonzero((present == pattern[:, None]).all(0))
        model = Ridge(alpha=penalty, solver="sparse_cg", tol=TOLERANCE)
        model.fit(records.terms[pattern], records.targets[pattern][:, labels])
        coefficients[:-1, labels] = np.reshape(model.coef_, (len(labels), -1)).T
        coefficients[-1, labels] = model.intercept_
    return coefficients
