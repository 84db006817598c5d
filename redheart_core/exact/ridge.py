"""Ridge regression (Hoerl and Kennard 1970) with an intercept that is not penalised, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray

TOLERANCE = 1e-8
"""Relative residual at which the conjugate gradients of sparse features end."""

Numbers = npt.NDArray[np.floating[Any]]
"""float32 or float64."""


def ridge_path(x: Any, targets: npt.ArrayLike, penalties: Sequence[float]) -> FloatArray:
    """Fit every label for every penalty, on the records that have the label.

    The least of the sum of squared errors + penalty * sum of squared weights, in float64, since the moments of an
    embedding have condition numbers that float32 does not resolve. Labels that the same records have are fitted
    together.

    Args:
        x: (N, D), an array or a SciPy sparse matrix of rows.
        targets: (N, L), NaN where missing.
        penalties: P numbers above 0.

    Returns:
        (P, D + 1, L) coefficients, the last row of each the intercept: predictions are
        ``x @ found[p, :-1] + found[p, -1]``.

    Raises:
        DataError: A label has no number at all.
    """
    from scipy import sparse
    from sklearn.linear_model import Ridge  # half a second, which only this function needs

    x, y = x.astype(np.float64, copy=False), np.asarray(targets, dtype=np.float64)
    present = ~np.isnan(y)
    if not present.any(0).all():
        raise DataError(
            f"no record has a number for the labels {np.flatnonzero(~present.any(0)).tolist()} (from 0), so that "
            "nothing can be fitted; leave them out or give more records"
        )
    # sparse features are not centred in place, so that they need no copy
    options = {"solver": "sparse_cg", "copy_X": False} if sparse.issparse(x) else {"solver": "cholesky"}
    found = np.empty((len(penalties), x.shape[1] + 1, y.shape[1]))
    for pattern in np.unique(present, axis=1).T:
        labels = np.flatnonzero((present == pattern[:, None]).all(0))
        rows, held = x if pattern.all() else x[pattern], y[pattern][:, labels]
        for place, penalty in enumerate(penalties):
            model = Ridge(alpha=penalty, tol=TOLERANCE, **options).fit(rows, held)
            found[place][:-1, labels] = np.reshape(model.coef_, (len(labels), -1)).T
            found[place][-1, labels] = model.intercept_
    return found
