"""What is fitted by descent: records with targets, their losses, and the least of a penalised loss.

Shapes: N records, V terms, D dense numbers, L labels. Coefficients are (V + D + 1, L), the last row the bias.
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from redheart_core import DataError
from redheart_linear.features import Features, Rows

Matrix = NDArray[np.float64]

Kind = Literal["shares", "labels", "values"]
"""One distribution over all labels (multinomial); labels that are 0 or 1 each by itself; any numbers."""

TOLERANCE = 3e-6
"""Relative decrease of the objective at which a solution is good enough to be compared and used."""
MOST_STEPS = 2000


@attrs.frozen
class Strength:
    """The penalties of a fit."""

    terms: float
    share: float
    """That of the dense numbers is terms / share."""
    words: float = 1.0
    """That of words is terms / words, and that of parts of words terms * words."""

    def penalties(self, features: Features) -> Matrix:
        """Of the weight of each term and dense number, (V + D,)."""
        found = np.full(features.width, self.terms / self.share)
        found[: features.terms.shape[1]] = self.terms * self.words
        found[: features.words] = self.terms / self.words
        return found


@attrs.frozen(eq=False)
class Records:
    """What is to be fitted or evaluated; every record weighs the same."""

    features: Features
    targets: Matrix
    """(N, L) shares that sum to 1, or numbers label by label; 0 where missing."""
    present: NDArray[np.bool_]
    """(N, L)."""
    kind: Kind

    def __len__(self) -> int:
        return len(self.targets)

    def of(self, rows: Rows) -> Records:
        """Some of the records."""
        return Records(self.features.of(rows), self.targets[rows], self.present[rows], self.kind)

    def expected(self, raw: Matrix) -> Matrix:
        """What raw numbers say of the targets, (N, L): probabilities or values, 0 where the target is missing."""
        if self.kind == "shares":
            raw = np.where(self.present, raw, -np.inf)
            return np.asarray(np.exp(raw - logsumexp(raw, axis=1, keepdims=True)))
        return np.asarray(np.where(self.present, expit(raw) if self.kind == "labels" else raw, 0.0))

    def slack(self, raw: Matrix) -> Matrix:
        """How fast the expected numbers move with the raw ones, (N, L)."""
        if self.kind == "values":
            return self.present.astype(np.float64)
        p = self.expected(raw)
        return p * (1 - p)

    def loss(self, raw: Matrix) -> float:
        """Sum of the cross-entropies in nats, or of half the squared errors."""
        if self.kind == "shares":
            normalizer = logsumexp(np.where(self.present, raw, -np.inf), axis=1)
            return float(normalizer.sum() - (self.targets * raw).sum())
        if self.kind == "labels":
            return float((np.logaddexp(0.0, raw) * self.present - self.targets * raw).sum())
        return float((np.square(raw - self.targets) * self.present).sum()) / 2

    def prior(self) -> Matrix:
        """Coefficients without weights, and with the biases that say how large each label is on average."""
        coefficients = np.zeros((self.features.width + 1, self.targets.shape[1]))
        counts = self.present.sum(0)
        if self.kind == "values":
            coefficients[-1] = self.targets.sum(0) / np.maximum(counts, 1)
        else:
            share = (self.targets.sum(0) + 0.5) / (counts + 1.0)
            coefficients[-1] = np.log(share) if self.kind == "shares" else np.log(share / (1 - share))
        return coefficients


@attrs.frozen(eq=False)
class Problem:
    """Records to be fitted, ready for gradients. Dense numbers are counted from their means, which saves steps."""

    records: Records
    middle: NDArray[np.floating]
    """(D,)."""

    @classmethod
    def of(cls, records: Records) -> Problem:
        """Make one."""
        middle = records.features.dense.mean(0)
        centred = attrs.evolve(records, features=records.features.centred(middle))
        return cls(centred, middle)

    @property
    def terms(self) -> int:
        """V."""
        return int(self.records.features.terms.shape[1])

    def solve(self, penalties: Matrix, start: Matrix, tolerance: float = TOLERANCE) -> Matrix:
        """The least of the loss + sum of penalties / 2 * squared weights; the bias is not penalised.

        L-BFGS in units of the objective's curvature at the start, which takes a fraction of the steps.

        Args:
            penalties: (V + D,), above 0.
            start: Coefficients.
            tolerance: As TOLERANCE.

        Raises:
            DataError: It was not reached in so many steps.
        """
        records, size, penalties = self.records, start.shape, penalties[:, None]
        start = self._shift(start, 1)
        slack = records.slack(records.features.apply(start))
        curvature = np.vstack([records.features.sums_of_squares(slack) + penalties, slack.sum(0)])
        unit = 1 / np.sqrt(np.maximum(curvature, np.finfo(np.float32).tiny))

        from scipy.optimize import minimize  # half a second, which only fits need

        def objective(scaled: Matrix) -> tuple[float, Matrix]:
            coefficients = scaled.reshape(size) * unit
            raw, weights = records.features.apply(coefficients), coefficients[:-1]
            residual = records.expected(raw) - records.targets
            gradient = np.vstack([records.features.sums(residual) + penalties * weights, residual.sum(0)])
            value = records.loss(raw) + float((penalties * np.square(weights)).sum()) / 2
            return value, (gradient * unit).ravel()

        options = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "ftol": tolerance, "gtol": 0.0}
        found = minimize(objective, (start / unit).ravel(), jac=True, method="L-BFGS-B", options=options)
        if found.nit >= MOST_STEPS or not np.isfinite(found.fun):
            raise DataError(f"a regression ended without a solution: {found.message}")
        return self._shift(found.x.reshape(size) * unit, -1)

    def _shift(self, coefficients: Matrix, sign: int) -> Matrix:
        """The same map for dense numbers counted from their middle (1), or from 0 again (-1)."""
        shifted = coefficients.copy()
        shifted[-1] += sign * (self.middle @ coefficients[self.terms : -1])
        return shifted
