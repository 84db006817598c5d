"""What members say of some records, beside the truth, and what a weighted sum of them loses.

Shapes: N records, M members, L numbers of a field. Weights are (M, L), for values (M + 1, L) with the intercept last.
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["values", "labels", "shares"]


@attrs.frozen(eq=False)
class Evidence:
    """Answers of the members and targets."""

    members: Matrix
    """(M, N, L), values in units of the field's range, counted from its low end; probabilities LEAST..1 - LEAST."""
    targets: Matrix
    """(N, L), 0 where missing; values likewise."""
    present: Mask
    """(N, L)."""
    number_weights: Matrix
    """(N, 1), what one of a record's numbers counts in its loss: 1 over how many there are."""
    kind: Kind
    """Values; probabilities of labels that are 0 or 1; or shares that sum to 1."""

    def of(self, records: Mask) -> Evidence:
        """That of some records."""
        return attrs.evolve(
            self,
            members=self.members[:, records],
            targets=self.targets[records],
            present=self.present[records],
            number_weights=self.number_weights[records],
        )

    def of_label(self, label: int) -> Evidence:
        """That of one label, whose numbers count as much as before."""
        one = slice(label, label + 1)
        return attrs.evolve(
            self, members=self.members[:, :, one], targets=self.targets[:, one], present=self.present[:, one]
        )

    def mixture(self, weights: Matrix) -> Matrix:
        """The weighted sums, (N, L)."""
        if self.kind == "values":
            return np.asarray(np.einsum("mnl,ml->nl", self.members, weights[:-1]) + weights[-1])
        return np.asarray(np.einsum("mnl,ml->nl", self.members, weights))

    def losses(self, weights: Matrix) -> Matrix:
        """Each record's loss, (N,): squared error in units of the range, or cross-entropy in nats."""
        mixed = self.mixture(weights)
        if self.kind == "values":
            return self._mean(np.square(np.clip(mixed, 0.0, 1.0) - self.targets))
        if self.kind == "labels":
            return self._mean(-self.targets * np.log(mixed) - (1 - self.targets) * np.log1p(-mixed))
        total = np.where(self.present, mixed, 0.0).sum(1)
        return np.asarray(np.log(total) - (self.targets * np.log(mixed)).sum(1))

    def gradient(self, weights: Matrix) -> Matrix:
        """That of the mean of the losses of probabilities, (M, L)."""
        p = self.mixture(weights)
        if self.kind == "labels":
            slope = self.number_weights * self.present * ((1 - self.targets) / (1 - p) - self.targets / p)
        else:
            slope = self.present / np.where(self.present, p, 0.0).sum(1, keepdims=True) - self.targets / p
        return np.asarray(np.einsum("mnl,nl->ml", self.members, slope) / len(slope))

    def information(self, weights: Matrix) -> float:
        """How sharply the loss of a record turns around weights of probabilities, mean over members and labels."""
        p = self.mixture(weights)
        turn = self.targets / np.square(p)
        if self.kind == "labels":
            turn = self.number_weights * self.present * (turn + (1 - self.targets) / np.square(1 - p))
        return float((np.square(self.members - p) * turn).mean() / 2)

    def _mean(self, errors: Matrix) -> Matrix:
        return np.asarray((errors * self.present * self.number_weights).sum(1))
