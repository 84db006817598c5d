"""The two forecasts against their definitions and an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Reference

from redheart_core import Field
from redheart_core.nn.forecasts import forecast_metrics
from redheart_series.model import Naive, Ridge
from redheart_series.training import ridge_by_leaving_out

NAN = float("nan")


def test_a_season_repeats_and_a_missing_value_is_that_of_the_season_before() -> None:
    past = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).reshape(1, 6, 1)
    module = Naive(4, (9.0,))
    assert module.forecast(past, 1).ravel().tolist() == [6.0, 6.0, 6.0, 6.0]
    assert module.forecast(past, 3).ravel().tolist() == [4.0, 5.0, 6.0, 4.0]
    past[0, 3] = NAN
    assert module.forecast(past, 3).ravel().tolist() == [1.0, 5.0, 6.0, 1.0]
    past[0, 0] = NAN
    assert module.forecast(past, 3).ravel().tolist() == [6.0, 5.0, 6.0, 6.0]
    past[:] = NAN
    assert module.forecast(past, 3).ravel().tolist() == [9.0] * 4


@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_ridge_and_what_it_says_of_each_row_without_it_are_those_of_scikit_learn(penalty: float) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(30, 8)), draw.normal(size=(30, 2))
    rows = np.arange(30) % 5 > 0
    found, said = ridge_by_leaving_out(x, y, rows, (penalty,))
    reference = Reference(penalty).fit(x[rows], y[rows])
    np.testing.assert_allclose(found[:-1], reference.coef_.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found[-1], reference.intercept_, rtol=1e-8, atol=1e-10)
    for row in range(30):
        others = rows & (np.arange(30) != row)
        one = Reference(penalty).fit(x[others], y[others])
        np.testing.assert_allclose(said[row], one.predict(x[row : row + 1])[0], rtol=1e-8, atol=1e-10)


def test_each_column_has_the_penalty_of_the_least_error_left_out() -> None:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(40, 20))
    y = np.stack([x @ draw.normal(size=20), draw.normal(size=40)], 1)  # one without noise, one of noise alone
    rows, penalties = np.ones(40, bool), (1e-3, 1e4)
    both, _ = ridge_by_leaving_out(x, y, rows, penalties)
    assert np.array_equal(both[:, 0], ridge_by_leaving_out(x, y, rows, penalties[:1])[0][:, 0])
    assert np.array_equal(both[:, 1], ridge_by_leaving_out(x, y, rows, penalties[1:])[0][:, 1])


def test_ridge_without_weights_is_the_last_value_and_moves_with_the_series() -> None:
    draw = torch.Generator().manual_seed(0)
    past = torch.randn(5, 6, 2, generator=draw)
    past[1, 5, 0] = NAN
    module = Ridge(6, 3, (0.5, 0.0), (2.0, 1.0), 1)
    last = past[:, 5, 0].clone()
    last[1] = past[1, 4, 0]
    assert torch.equal(module({"past": past})["next"], last[:, None, None].expand(5, 3, 1))


def test_mase_is_1_for_the_error_of_one_step_and_0_for_a_perfect_forecast() -> None:
    field = Field("next", "", -np.inf, np.inf, labels=("a", "b"), axes=(2,), mean=(0, 0), std=(1, 1), step=(2.0, 10.0))
    mae, mase, rmse = forecast_metrics(field)
    target = torch.zeros(4, 2, 2)
    off = torch.tensor([2.0, 10.0]).expand(4, 2, 2)
    present = torch.ones(4, 2, 2, dtype=torch.bool)
    assert [one.name for one in (mae, mase, rmse)] == ["mean_absolute_error", "mase", "root_mean_squared_error"]
    assert mase.function(off, target, present) == 1.0
    assert mae.function(off, target, present) == 6.0
    assert mase.function(target, target, present) == 0.0
    target[0, 0, 0], present[0, 0, 0] = NAN, False
    assert mase.function(off, target, present) == pytest.approx(1.0)
