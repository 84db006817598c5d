"""Logistic regression on sparse terms with soft targets and an L2 penalty, all labels of a field at once.

Shapes: N records, V terms, L labels. Coefficients are (V + 1, L), the last row the bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from redheart_core import DataError

Matrix = NDArray[np.float64]

PENALTIES = (32.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
"""From strong to weak: each solution is a good beginning for the next one."""
TOLERANCE = 3e-6
"""Relative decrease of the objective at which a solution is good enough to be compared and used."""
STEP_AHEAD = 0.7
"""Share of the last change along the path by which the next solution is guessed."""
MOST_STEPS = 2000


@attrs.frozen(eq=False)
class Records:
    """What is to be fitted or evaluated; every record weighs the same."""

    terms: Any
    """(N, V) sparse float64."""
    targets: Matrix
    """(N, L) shares that sum to 1, or numbers in 0..1 label by label; 0 where missing."""
    present: NDArray[np.bool_]
    """(N, L)."""
    shared: bool
    """The labels share one distribution (multinomial); otherwise each is 0 or 1 by itself (one against the rest)."""

    def of(self, rows: NDArray[np.bool_]) -> Records:
        """Some of the records."""
        return Records(self.terms[rows], self.targets[rows], self.present[rows], self.shared)

    def logits(self, coefficients: Matrix) -> Matrix:
        """(N, L)."""
        return np.asarray(self.terms @ coefficients[:-1] + coefficients[-1])

    def probabilities(self, logits: Matrix) -> Matrix:
        """(N, L), 0 where the target is missing."""
        if self.shared:
            logits = np.where(self.present, logits, -np.inf)
            return np.asarray(np.exp(logits - logsumexp(logits, axis=1, keepdims=True)))
        return np.asarray(np.where(self.present, expit(logits), 0.0))

    def loss(self, logits: Matrix) -> float:
        """Sum of the cross-entropies in nats."""
        if self.shared:
            normalizer = logsumexp(np.where(self.present, logits, -np.inf), axis=1)
            return float(normalizer.sum() - (self.targets * logits).sum())
        return float((np.logaddexp(0.0, logits) * self.present - self.targets * logits).sum())


@attrs.frozen(eq=False)
class Choice:
    """The best of a path of penalties."""

    penalty: float
    coefficients: Matrix
    losses: dict[float, float]
    """Penalty to mean cross-entropy of a validation record, for those that were tried."""


def choose(
    train: Records, validation: Records, penalties: Sequence[float] = PENALTIES, tolerance: float = TOLERANCE
) -> Choice:
    """Solve for the penalties, strong to weak, until the validation loss rises, and keep the best.

    The validation loss along the path falls and then rises, so that what comes after is not better.
    """
    coefficients = before = prior(train)
    losses: dict[float, float] = {}
    best = Choice(np.inf, coefficients, losses)
    for penalty in penalties:
        start = coefficients + STEP_AHEAD * (coefficients - before)
        before, coefficients = coefficients, solve(train, penalty, start, tolerance)
        losses[penalty] = validation.loss(validation.logits(coefficients)) / len(validation.targets)
        if losses[penalty] >= losses.get(best.penalty, np.inf):
            break
        best = attrs.evolve(best, penalty=penalty, coefficients=coefficients)
    return best


def prior(records: Records) -> Matrix:
    """No weights, and the biases that say how frequent each label is."""
    share = (records.targets.sum(0) + 0.5) / (records.present.sum(0) + 1.0)
    coefficients = np.zeros((records.terms.shape[1] + 1, len(share)))
    coefficients[-1] = np.log(share) if records.shared else np.log(share / (1 - share))
    return coefficients


def solve(records: Records, penalty: float, start: Matrix, tolerance: float = TOLERANCE) -> Matrix:
    """The least of sum of cross-entropies + penalty / 2 * sum of squared weights; the bias is not penalised.

    L-BFGS in units of the objective's curvature at the start, which takes a fraction of the steps.

    Raises:
        DataError: It was not reached in so many steps.
    """
    transposed = records.terms.T.tocsr()
    p = records.probabilities(records.logits(start))
    curvature = np.vstack([transposed.multiply(transposed) @ (p * (1 - p)) + penalty, (p * (1 - p)).sum(0)])
    unit = 1 / np.sqrt(np.maximum(curvature, np.finfo(np.float64).tiny))

    def objective(scaled: Matrix) -> tuple[float, Matrix]:
        coefficients = scaled.reshape(unit.shape) * unit
        logits = records.logits(coefficients)
        residual = records.probabilities(logits) - records.targets
        gradient = np.vstack([transposed @ residual + penalty * coefficients[:-1], residual.sum(0)])
        value = records.loss(logits) + penalty / 2 * float(np.square(coefficients[:-1]).sum())
        return value, (gradient * unit).ravel()

    options = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "ftol": tolerance, "gtol": 0.0}
    found = minimize(objective, (start / unit).ravel(), jac=True, method="L-BFGS-B", options=options)
    if found.nit >= MOST_STEPS or not np.isfinite(found.fun):
        raise DataError(f"logistic regression with the penalty {penalty:g} ended without a solution: {found.message}")
    coefficients: Matrix = found.x.reshape(unit.shape) * unit
    return coefficients
