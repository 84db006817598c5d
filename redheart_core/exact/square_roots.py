"""Square roots of covariances, in which a Kalman filter keeps the digits that sums and differences of covariances lose.

A root of P is any A with A A' = P. Rotating the columns of a root leaves P as it is, so that a root of several
columns beside each other becomes a triangular one (Kaminski, Bryson and Schmidt 1971).
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray

ROUNDING = 1e-13
"""A standard deviation that is smaller than this beside the whole one of its component is rounding."""


def check_covariance(name: str, matrix: FloatArray) -> float:
    """The smallest eigenvalue of the correlations, 0..1, what is rounding being 0.

    Args:
        name: Of the matrix, for messages.
        matrix: (n, n), finite.

    Raises:
        DataError: It is not symmetric or not positive semidefinite.
    """
    variances = np.diag(matrix)
    if (variances < 0).any():
        raise DataError(f"{name} is not positive semidefinite, got the variance {variances.min():g}; use L L'")
    unit = _units(matrix)
    scaled = matrix / unit[:, None] / unit
    if np.abs(scaled - scaled.T).max() > 1e-10:
        raise DataError(f"{name} is not symmetric; use (A + A') / 2")
    least = float(np.linalg.eigvalsh(scaled)[0])
    if least < -1e-10:
        raise DataError(
            f"{name} is not positive semidefinite, got the eigenvalue {least:g} of its correlations; use L L'"
        )
    return least if least > _rounding(matrix) else 0.0


def root_of(matrix: FloatArray) -> FloatArray:
    """A root of a covariance, computed from its correlations, so that components of any units keep their digits."""
    unit = _units(matrix)
    values, axes = np.linalg.eigh(matrix / unit[:, None] / unit)
    return np.asarray(unit[:, None] * axes * np.sqrt(np.where(values > _rounding(matrix), values, 0.0)))


def triangular(*roots: FloatArray) -> FloatArray:
    """The lower triangular root of the sum of what some roots, (n, any), are the roots of: (n, n).

    QR of the transposed roots. The largest rows come first, so that Householder's reflections keep the digits of
    small ones (Cox and Higham 1998).
    """
    rows = np.hstack(roots).T
    order = np.argsort(-np.abs(rows).max(1), kind="stable")
    upper: FloatArray = linalg.qr(rows[order], mode="r", check_finite=False)[0]
    return upper[: rows.shape[1]].T


def is_singular(lower: FloatArray) -> bool:
    """Whether a component of a covariance, given its triangular root, follows from those before it."""
    whole = np.sqrt(np.square(lower).sum(1))
    return bool((np.abs(np.diag(lower)) <= ROUNDING * whole).any())


def _units(matrix: FloatArray) -> FloatArray:
    """Standard deviations; 1 for a component without variance."""
    return np.asarray(np.sqrt(np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0)))


def _rounding(matrix: FloatArray) -> float:
    return 4.0 * len(matrix) * float(np.finfo(np.float64).eps)
