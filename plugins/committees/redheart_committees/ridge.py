"""Ridge regression that says of every record what it would have said without it.

Shapes: N records, F features, L numbers of a field.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import DataError

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
    """(N, L): what each record is answered by a fit to the others; 0 where nothing is left without it."""
    penalty: float


def fit_ridge(phi: NDArray[np.float32], targets: Matrix, counts: Matrix) -> Fitted:
    """The least of the weighted squared errors + penalty * squared weights; the intercept is not penalised.

    The penalty is that of the least squared error of the honest answers, over all records and labels.

    Args:
        phi: (N, F).
        targets: (N, L), NaN where missing.
        counts: (N,) how often each record counts, such as in a bootstrap sample. Without a record means without all its
            copies: the residual over 1 - count * leverage, exactly (Cook and Weisberg 1982, section 2.2).

    Raises:
        DataError: A label is missing everywhere.
    """
    present = ~np.isnan(targets)
    if not present.any(0).all():
        raise DataError(f"{int((~present.any(0)).sum())} labels are missing in all of {len(targets)} records")
    paths = [(labels, _path(phi, targets[:, labels], counts * rows)) for labels, rows in _patterns(present)]
    errors = np.zeros(len(PENALTIES))
    for labels, path in paths:
        known = present[:, labels]
        for place, one in enumerate(path):
            errors[place] += np.square(np.where(known, one.honest - targets[:, labels], 0.0)).sum()
    best = int(errors.argmin())
    size = targets.shape[1]
    found = Fitted(np.zeros((phi.shape[1], size)), np.zeros(size), np.zeros(targets.shape), PENALTIES[best])
    for labels, path in paths:
        found.weight[:, labels], found.bias[labels] = path[best].weight, path[best].bias
        found.honest[:, labels] = path[best].honest
    return found


def _patterns(present: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Labels that the same records have, with these records."""
    for pattern in np.unique(present, axis=1).T:
        yield np.flatnonzero((present == pattern[:, None]).all(0)), pattern


def _path(phi: NDArray[np.float32], targets: Matrix, counts: Matrix) -> list[Fitted]:
    """A fit for each of PENALTIES, on the records that count."""
    total, (size, labels) = counts.sum(), (phi.shape[1], targets.shape[1])
    if not total:  # a bootstrap sample may hold no record of a rare label, and then says nothing of it
        return [Fitted(np.zeros((size, labels)), np.zeros(labels), np.zeros(targets.shape), p) for p in PENALTIES]
    y = np.where(counts[:, None] > 0, targets, 0.0)
    mean, middle = counts @ phi.astype(np.float64) / total, counts @ y / total
    moments, products = np.zeros((size, size)), np.zeros((size, labels))
    for rows in _blocks(len(phi)):
        centred = phi[rows] - mean
        weighted = centred * counts[rows, None]
        moments += weighted.T @ centred
        products += weighted.T @ (y[rows] - middle)
    scales, axes = np.linalg.eigh(moments)
    scales = np.maximum(scales, 0.0)
    unit = scales.mean() or 1.0
    found = []
    for penalty in PENALTIES:
        shrunk = 1 / (scales + penalty * unit)
        along = (axes.T @ products) * shrunk[:, None]
        honest = np.empty(targets.shape)
        for rows in _blocks(len(phi)):
            places = (phi[rows] - mean) @ axes
            answer = places @ along + middle
            rest = 1 - counts[rows] * (np.square(places) @ shrunk + 1 / total)
            left = (y[rows] - answer) / np.maximum(rest, NOTHING)[:, None]
            learnt = np.where(rest[:, None] > NOTHING, y[rows] - left, 0.0)
            honest[rows] = np.where(counts[rows, None] > 0, learnt, answer)
        weight = axes @ along
        found.append(Fitted(weight, middle - mean @ weight, honest, penalty))
    return found


def _blocks(records: int) -> Iterator[slice]:
    for start in range(0, records, BLOCK):
        yield slice(start, min(start + BLOCK, records))
