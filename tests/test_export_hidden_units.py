"""Removing hidden units of a feed-forward block: which ones, and the least squares that correct the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from redheart_export import hidden_units
from redheart_export.hidden_units import Moments, corrected, remove_units

Array = NDArray[Any]


def _block(rows: int, units: int, outputs: int) -> tuple[Array, Array]:
    """Activations of units that depend on each other, with a column of ones, and the map of both."""
    stream = np.random.default_rng(units)
    activations = np.maximum(stream.normal(size=(rows, units)) @ stream.normal(size=(units, units)), 0.0)
    return np.concatenate([activations, np.ones((rows, 1))], 1), stream.normal(size=(units + 1, outputs))


def _error(activations: Array, weights: Array, there: Array) -> float:
    """Of the best map of what is there, by numpy's own least squares."""
    target = activations @ weights
    found = np.linalg.lstsq(activations[:, there], target)[0]
    return float(np.square(activations[:, there] @ found - target).sum())


def test_the_moments_are_those_of_all_rows_without_a_missing_number() -> None:
    given = torch.randn(7, 3, 4, generator=torch.Generator().manual_seed(0))
    given[2, 1, 3] = torch.nan
    moments = Moments(4)
    for part in torch.split(given, 2):
        moments.add(part)
    rows = np.concatenate([given.double().numpy().reshape(-1, 4), np.ones((21, 1))], 1)
    rows = rows[~np.isnan(rows).any(1)]
    assert moments.rows == 20
    expected = rows.T @ rows / 20
    expected += np.diag([hidden_units.DAMPING * expected.diagonal()[:-1].mean()] * 5)
    np.testing.assert_allclose(moments.mean(), expected, rtol=1e-12)


def test_what_is_left_is_corrected_as_by_least_squares() -> None:
    activations, weights = _block(200, 12, 5)
    there = np.array([0, 3, 4, 7, 9, 11, 12])
    found = corrected(activations.T @ activations / 200, weights, there)
    expected = np.linalg.lstsq(activations[:, there], activations @ weights)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    left = remove_units(activations.T @ activations / 200, weights, 6)
    own = [*left.units, 12]
    expected = np.linalg.lstsq(activations[:, own], activations @ weights)[0]
    np.testing.assert_allclose(left.weights, expected, rtol=1e-7, atol=1e-9)


def test_each_unit_that_goes_is_the_one_whose_loss_is_least_when_the_rest_is_fitted_again() -> None:
    activations, weights = _block(300, 20, 4)
    moments = activations.T @ activations / 300
    there = list(range(20))
    for left in range(19, 8, -1):
        errors = {
            unit: _error(activations, weights, np.array([*there, 20])[np.array([*there, 20]) != unit]) for unit in there
        }
        there.remove(min(errors, key=lambda unit: errors[unit]))
        assert remove_units(moments, weights, left).units == tuple(there)


def test_units_that_say_what_others_say_cost_nothing() -> None:
    activations, _ = _block(400, 30, 6)
    constant, silent = np.full((400, 1), 0.7), np.zeros((400, 1))
    same, ones = activations[:, :30], activations[:, 30:]
    given = torch.from_numpy(np.concatenate([same, 2.0 * same, constant, silent], 1))
    maps = np.random.default_rng(1).normal(size=(63, 6)) / 8
    moments = Moments(62)
    moments.add(given)
    left = remove_units(moments.mean(), maps, 30)
    assert sorted(unit % 30 for unit in left.units) == list(range(30)), "one of each pair"
    result = given.numpy()[:, left.units] @ left.weights[:-1] + left.weights[-1]
    expected = np.concatenate([given.numpy(), ones], 1) @ maps
    np.testing.assert_allclose(result, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("at_once", [1, 4])
def test_removing_several_at_once_loses_hardly_more_than_one_after_another(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    activations, weights = _block(500, 40, 8)
    moments = activations.T @ activations / 500
    monkeypatch.setattr(hidden_units, "POOL", 10)
    monkeypatch.setattr(hidden_units, "AT_ONCE", at_once)
    found = _error(activations, weights, np.array([*remove_units(moments, weights, 20).units, 40]))
    monkeypatch.undo()
    exact = _error(activations, weights, np.array([*remove_units(moments, weights, 20).units, 40]))
    blind = _error(activations, weights, np.arange(20, 41))
    assert exact * 0.999 <= found < 1.2 * exact < 0.8 * blind
