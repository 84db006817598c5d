"""Ridge regression against the normal equations of centred columns, on arrays and on sparse terms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from redheart_core import DataError
from redheart_core.exact.ridge import ridge_path

Matrix = NDArray[np.float64]


def features(records: int = 60, width: int = 12) -> Matrix:
    draw = np.random.default_rng(1)
    return draw.random((records, width)) * (draw.random((records, width)) < 0.4)


def closed_form(x: Matrix, y: Matrix, penalty: float) -> Matrix:
    centred, target = x - x.mean(0), y - y.mean(0)
    weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ target)
    return np.vstack([weights, y.mean(0) - x.mean(0) @ weights])


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("width", [12, 90])  # fewer and more features than records
def test_it_is_the_closed_form_without_a_penalty_on_the_intercept(is_sparse: bool, width: int) -> None:
    x, y = features(width=width), 5 + np.random.default_rng(2).normal(size=(60, 2))
    path = ridge_path(sparse.csr_matrix(x) if is_sparse else x, y, (0.3, 8.0))
    for found, penalty in zip(path, (0.3, 8.0), strict=True):
        np.testing.assert_allclose(found, closed_form(x, y, penalty), atol=1e-6 if is_sparse else 1e-11)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_missing_number_is_left_out_of_its_label_alone(is_sparse: bool) -> None:
    x, y = features(), np.random.default_rng(2).normal(size=(60, 3))
    y[::3, 1] = np.nan
    there = ~np.isnan(y[:, 1])
    (found,) = ridge_path(sparse.csr_matrix(x) if is_sparse else x, y, (1.0,))
    np.testing.assert_allclose(found[:, [0, 2]], closed_form(x, y[:, [0, 2]], 1.0), atol=1e-6)
    np.testing.assert_allclose(found[:, [1]], closed_form(x[there], y[there][:, [1]], 1.0), atol=1e-6)


def test_features_in_single_precision_are_fitted_in_double() -> None:
    """Two columns that agree to the sixth digit: float32 moments cannot tell them apart."""
    x = features().astype(np.float32)
    x[:, 1] = x[:, 0] * np.float32(1 + 1e-6)
    y = np.random.default_rng(2).normal(size=(60, 1))
    (found,) = ridge_path(x, y, (1e-3,))
    np.testing.assert_allclose(found, closed_form(x.astype(np.float64), y, 1e-3), atol=1e-6)


def test_a_label_without_any_number_is_refused() -> None:
    y = np.ones((60, 3))
    y[:, 1] = np.nan
    with pytest.raises(DataError, match=r"no record has a number for the labels \[1\] \(from 0\)"):
        ridge_path(features(), y, (1.0,))
