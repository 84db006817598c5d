"""Ridge regression that says of every record what it would have said without it and its near-duplicates.

Shapes: N records, F features, L numbers of a field.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import DataError
from redheart_core.exact.leaving_out import clusters_of_several

Matrix = NDArray[np.float64]
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""In units of the mean eigenvalue of the features' moments."""
BLOCK = 8192
"""Records that are computed in float64 together."""
NOTHING = 1e-9
"""Share of a record's fit that is not its own, below which nothing is left without it."""


@attrs.frozen(eq=False)
class Fitted:
    """The regression of all labels of a field."""

    weight: Matrix
    """(F, L)."""
    bias: Matrix
    """(L,)."""
    honest: Matrix
    """(N, L): what each record is answered by a fit without its cluster; 0 where nothing is left without it."""
    penalty: float


@attrs.frozen(eq=False)
class Moments:
    """Features about their weighted mean, turned to the axes on which they do not go together."""

    mean: Matrix
    """(F,)."""
    scales: Matrix
    """(F,) sums of squares along the axes."""
    axes: Matrix
    """(F, F), one a column."""

    @classmethod
    def of(cls, phi: NDArray[np.float32], counts: Matrix) -> Moments:
        """Those of records that count so often, of which some do."""
        mean = np.zeros(phi.shape[1])
        for rows in _blocks(len(phi)):
            mean += counts[rows] @ phi[rows].astype(np.float64) / counts.sum()
        moments = np.zeros((phi.shape[1], phi.shape[1]))
        for rows in _blocks(len(phi)):
            centred = phi[rows] - mean
            moments += (centred * counts[rows, None]).T @ centred
        scales, axes = np.linalg.eigh(moments)
        return cls(mean, np.maximum(scales, 0.0), axes)


class Regressions:
    """Fits of several fields to the same features and counts; fields that the same records have share the moments."""

    def __init__(self, phi: NDArray[np.float32], counts: Matrix, clusters: NDArray[np.int64]) -> None:
        """Of N records (N, F) that count so often (N,); those with equal numbers in clusters (N,) are left out
        together."""
        self.phi, self.counts, self.clusters = phi, counts, clusters
        self._moments: dict[bytes, Moments] = {}

    def moments(self, pattern: NDArray[np.bool_]) -> Moments:
        """Those of the records of a pattern."""
        key = pattern.tobytes()
        if key not in self._moments:
            self._moments[key] = Moments.of(self.phi, self.counts * pattern)
        return self._moments[key]

    def fit(self, targets: Matrix) -> Fitted:
        """The least of the weighted squared errors + penalty * squared weights; the intercept is not penalised.

        The penalty is that of the least squared error of the honest answers, over all records and labels. Without a
        record means without all copies of its cluster: of a record by itself the residual over 1 - count * leverage,
        exactly (Cook and Weisberg 1982, section 2.2), of several the same as matrices (section 3.6).

        Args:
            targets: (N, L), NaN where missing.

        Raises:
            DataError: A label is missing everywhere.
        """
        present = ~np.isnan(targets)
        if not present.any(0).all():
            raise DataError(f"{int((~present.any(0)).sum())} labels are missing in all of {len(targets)} records")
        paths = [(labels, self.path(targets[:, labels], rows)) for labels, rows in _patterns(present)]
        errors = np.zeros(len(PENALTIES))
        for labels, path in paths:
            known = present[:, labels]
            for place, one in enumerate(path):
                errors[place] += np.square(np.where(known, one.honest - targets[:, labels], 0.0)).sum()
        best = int(errors.argmin())
        size = targets.shape[1]
        found = Fitted(np.zeros((self.phi.shape[1], size)), np.zeros(size), np.zeros(targets.shape), PENALTIES[best])
        for labels, path in paths:
            found.weight[:, labels], found.bias[labels] = path[best].weight, path[best].bias
            found.honest[:, labels] = path[best].honest
        return found

    def path(self, targets: Matrix, pattern: NDArray[np.bool_]) -> list[Fitted]:
        """A fit for each of PENALTIES, on the records of a pattern, which have all of these labels."""
        counts, (size, labels) = self.counts * pattern, (self.phi.shape[1], targets.shape[1])
        total = counts.sum()
        if not total:  # a bootstrap sample may hold no record of a rare label, and then says nothing of it
            return [Fitted(np.zeros((size, labels)), np.zeros(labels), np.zeros(targets.shape), p) for p in PENALTIES]
        moments = self.moments(pattern)
        y = np.where(counts[:, None] > 0, targets, 0.0)
        middle = counts @ y / total
        products = np.zeros((size, labels))
        for rows in _blocks(len(y)):
            own = (self.phi[rows] - moments.mean) @ moments.axes
            products += (own * counts[rows, None]).T @ (y[rows] - middle)
        unit = moments.scales.mean() or 1.0
        shrunk = [1 / (moments.scales + penalty * unit) for penalty in PENALTIES]
        honest = [np.empty(targets.shape) for _ in PENALTIES]
        for rows in _blocks(len(y)):
            own = (self.phi[rows] - moments.mean) @ moments.axes
            for table, factors in zip(honest, shrunk, strict=True):
                answer = own @ (products * factors[:, None]) + middle
                rest = 1 - counts[rows] * (np.square(own) @ factors + 1 / total)
                left = (y[rows] - answer) / np.maximum(rest, NOTHING)[:, None]
                learnt = np.where(rest[:, None] > NOTHING, y[rows] - left, 0.0)
                table[rows] = np.where(counts[rows, None] > 0, learnt, answer)
        for places in clusters_of_several(self.clusters):
            own, held = (self.phi[places] - moments.mean) @ moments.axes, counts[places]
            for table, factors in zip(honest, shrunk, strict=True) if held.any() else ():
                residuals = y[places] - own @ (products * factors[:, None]) - middle
                rest = np.eye(len(places)) - ((own * factors) @ own.T + 1 / total) * held
                table[places] = y[places] - np.linalg.solve(rest, residuals) if held.sum() < total else 0.0
        weights = [moments.axes @ (products * factors[:, None]) for factors in shrunk]
        return [
            Fitted(weight, middle - moments.mean @ weight, table, penalty)
            for weight, table, penalty in zip(weights, honest, PENALTIES, strict=True)
        ]


def _patterns(present: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Labels that the same records have, with these records."""
    for pattern in np.unique(present, axis=1).T:
        yield np.flatnonzero((present == pattern[:, None]).all(0)), pattern


def _blocks(records: int) -> Iterator[slice]:
    for start in range(0, records, BLOCK):
        yield slice(start, min(start + BLOCK, records))
