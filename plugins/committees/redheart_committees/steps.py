"""How far an answer goes along what was learnt of its error, found on honest predictions of it.

Shapes: N records, L numbers of a field. Raw numbers are values in units of the field's range, counted from its low
end, or logits.
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

Matrix = NDArray[np.float64]
Kind = Literal["values", "labels", "shares"]
LONGEST = 256.0
"""Steps along residuals of probabilities end here, where every answer is certain."""


@attrs.frozen(eq=False)
class Aim:
    """What a field's raw numbers are to become."""

    targets: Matrix
    """(N, L), NaN where missing; values in units of the range, labels 0 or 1, or shares."""
    kind: Kind

    def residual(self, raw: Matrix) -> Matrix:
        """How the raw numbers should change, (N, L): the error of values, or the negative gradient of the cross-entropy
        (Friedman 2001); NaN where the target is missing."""
        return self.targets - self.mean(raw)

    def mean(self, raw: Matrix) -> Matrix:
        """The values or probabilities of raw numbers; shares are those among the labels that are there."""
        if self.kind == "values":
            return raw
        if self.kind == "labels":
            return np.asarray(expit(raw))
        masked = np.where(np.isnan(self.targets), -np.inf, raw)
        top = masked.max(1, keepdims=True)
        powers = np.exp(masked - np.where(np.isfinite(top), top, 0.0))
        return np.asarray(powers / np.maximum(powers.sum(1, keepdims=True), np.finfo(np.float64).tiny))

    def step(self, raw: Matrix, direction: Matrix) -> Matrix:
        """(L,) lengths >= 0 of the least loss along a direction: one for all labels, or one each for 0/1 labels."""
        if self.kind == "labels":
            columns = range(direction.shape[1])
            return np.array([_of(self, column).step_of(raw[:, [column]], direction[:, [column]]) for column in columns])
        return np.full(direction.shape[1], self.step_of(raw, direction))

    def step_of(self, raw: Matrix, direction: Matrix) -> float:
        """One length for all labels; values go at most all the way, and so does a direction of zeros."""

        def slope(length: float) -> float:
            return -float(np.nansum(direction * self.residual(raw + length * direction)))

        if not direction.any():
            return 1.0
        if slope(0.0) >= 0:
            return 0.0
        longest = 1.0
        if self.kind != "values":
            while slope(longest) < 0 and longest < LONGEST:
                longest *= 2
        return longest if slope(longest) <= 0 else float(brentq(slope, 0.0, longest, xtol=1e-6))


def _of(aim: Aim, column: int) -> Aim:
    return attrs.evolve(aim, targets=aim.targets[:, [column]])


def middle(aim: Aim) -> Matrix:
    """(L,) the raw numbers of the constant answer; half a record is added to each side of a probability."""
    total, number = np.nansum(aim.targets, 0), (~np.isnan(aim.targets)).sum(0)
    if aim.kind == "values":
        return np.asarray(total / np.maximum(number, 1))
    share = (total + 0.5) / (number + 1.0)
    return np.asarray(np.log(share / (1 - share)) if aim.kind == "labels" else np.log(share))
