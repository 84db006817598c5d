"""The Kalman filter against rational arithmetic, for variances of every ratio, and errors of its own beyond float64."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import DataError
from redheart_core.exact import kalman
from redheart_core.exact.kalman import StateSpace
from redheart_core.exact.square_roots import check_covariance, is_singular, root_of, triangular

Exact = list[list[Fraction]]
POWERS = (-200, -60, -20, -8, 0, 8, 16, 17, 20, 60, 200)


def exact(matrix: NDArray[np.float64]) -> Exact:
    return [[Fraction(float(value)) for value in row] for row in np.atleast_2d(matrix)]


def times(a: Exact, b: Exact) -> Exact:
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction()) for column in zip(*b)] for row in a]  # noqa: B905 - ragged rows do not occur


def turned(a: Exact) -> Exact:
    return [list(column) for column in zip(*a, strict=True)]


def plus(a: Exact, b: Exact, sign: int = 1) -> Exact:
    return [[x + sign * y for x, y in zip(one, two, strict=True)] for one, two in zip(a, b, strict=True)]


def solved(a: Exact, b: Exact) -> Exact:
    """a^-1 b by elimination."""
    rows = [list(left) + list(right) for left, right in zip(a, b, strict=True)]
    for place in range(len(rows)):
        pivot = next(row for row in range(place, len(rows)) if rows[row][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [value / rows[place][place] for value in rows[place]]
        for row in range(len(rows)):
            if row != place:
                factor = rows[row][place]
                rows[row] = [x - factor * y for x, y in zip(rows[row], rows[place], strict=True)]
    return [row[len(rows) :] for row in rows]


def reference(model: StateSpace, z: NDArray[np.float64]) -> tuple[list[Exact], list[Exact], list[Exact], list[Exact]]:
    """Means and covariances, filtered and smoothed, without rounding."""
    f, h, q, r = (
        exact(part) for part in (model.transition, model.observation, model.process_noise, model.observation_noise)
    )
    x, p = turned(exact(model.initial_mean)), exact(model.initial_cov)
    means, covs, ahead_means, ahead_covs = [], [], [], []
    for t, row in enumerate(z):
        if t:
            x, p = times(f, x), plus(times(times(f, p), turned(f)), q)
        ahead_means.append(x)
        ahead_covs.append(p)
        s = plus(times(times(h, p), turned(h)), r)
        gain = turned(solved(s, times(h, p)))
        x = plus(x, times(gain, plus(turned(exact(row)), times(h, x), -1)))
        p = plus(p, times(gain, times(h, p)), -1)
        means.append(x)
        covs.append(p)
    late_means, late_covs = [means[-1]], [covs[-1]]
    for t in range(len(z) - 2, -1, -1):
        back = turned(solved(ahead_covs[t + 1], times(f, covs[t])))
        late_means.append(plus(means[t], times(back, plus(late_means[-1], ahead_means[t + 1], -1))))
        late_covs.append(plus(covs[t], times(times(back, plus(late_covs[-1], ahead_covs[t + 1], -1)), turned(back))))
    return means, covs, late_means[::-1], late_covs[::-1]


def scaled(prior: float, noise: float, seed: int = 0) -> tuple[StateSpace, NDArray[np.float64]]:
    """Two states seen by three sensors, whose prior and noise have any size."""
    draw = np.random.default_rng(seed)

    def covariance(size: int) -> NDArray[np.float64]:
        half = draw.normal(size=(size, size))
        return half @ half.T + 0.1 * np.eye(size)

    f, h = np.array([[0.9, 0.2], [0.0, 0.7]]), draw.normal(size=(3, 2))
    model = StateSpace(f, h, covariance(2), noise * covariance(3), draw.normal(size=2), prior * covariance(2))
    return model, draw.normal(size=(4, 3))


def apart(found: NDArray[np.float64], expected: Exact, unit: NDArray[np.float64]) -> float:
    """The largest error in units, without overflow."""
    wrong = np.array([[float(Fraction(float(x)) - y) for x, y in zip(one, two, strict=True)] for one, two in zip(np.atleast_2d(found), expected, strict=True)])  # fmt: skip  # noqa: E501
    return float(np.abs(wrong / unit).max())


@pytest.mark.parametrize("noise", [1.0, 1e-12, 1e12])
@pytest.mark.parametrize("power", POWERS)
def test_it_agrees_with_rational_arithmetic_for_priors_of_any_width(power: int, noise: float) -> None:
    model, z = scaled(10.0**power, noise)
    found = kalman.run_filter(model, z)
    after = kalman.smooth(model, found)
    means, covs, late_means, late_covs = reference(model, z)
    for t in range(len(z)):
        for mean, cov, true_mean, true_cov in (
            (found.mean[t], found.cov[t], means[t], covs[t]),
            (after.mean[t], after.cov[t], late_means[t], late_covs[t]),
        ):
            spread = np.sqrt([float(true_cov[place][place]) for place in range(2)])
            assert apart(cov, true_cov, np.outer(spread, spread)) < 1e-7
            assert apart(mean[:, None], true_mean, np.maximum(spread, 1e-3)[:, None]) < 1e-6


@pytest.mark.parametrize("ratio", [1e15, 1e16, 1e17, 1e20, 1e100])
def test_sensors_of_one_state_are_averaged_however_wide_the_prior_is(ratio: float) -> None:
    """The innovations are all but equal: as covariances they are singular from 1e16 on."""
    model = StateSpace([[1]], [[1], [1], [1]], [[1]], np.diag([1.0, 2.0, 4.0]), [0], [[ratio]])
    found = kalman.run_filter(model, [[3.0, 1.0, 8.0]])
    assert found.cov[0, 0, 0] == pytest.approx(4 / 7, rel=1e-12)
    assert found.mean[0, 0] == pytest.approx((3 + 1 / 2 + 8 / 4) * 4 / 7, rel=1e-12)
    np.testing.assert_allclose(found.gain[0, 0], np.array([4, 2, 1]) / 7, rtol=1e-12)
    # the determinant of S is R1 R2 R3 (1 + P0 / R), 1 / R = 7 / 4
    quadratic = (3**2 + 1**2 / 2 + 8**2 / 4) - (3 + 1 / 2 + 8 / 4) ** 2 / (7 / 4 + 1 / ratio)
    log_det = math.log(8.0) + math.log1p(ratio * 7 / 4)
    assert found.log_likelihood == pytest.approx(-0.5 * (quadratic + log_det + 3 * kalman.LOG_2_PI), rel=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_any_variances_give_finite_numbers_or_an_error_of_its_own(seed: int) -> None:
    draw = np.random.default_rng(seed)
    prior, noise, process = 10.0 ** draw.uniform(-150, 150, 3)
    model, z = scaled(prior, noise, seed)
    model = attrs.evolve(model, process_noise=process * model.process_noise)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = kalman.run_filter(model, z)
        assert all(np.isfinite(values).all() for values in (found.mean, found.cov, found.gain))
        for cov in found.cov:
            assert check_covariance("cov", cov) >= 0
        for name in ("smooth", "steady_state"):
            try:
                cov = kalman.smooth(model, found).cov if name == "smooth" else kalman.steady_state(model).cov
                assert np.isfinite(cov).all()
            except DataError as error:
                assert "process noise" in str(error)  # noqa: PT017 - either is right


def test_what_leaves_the_range_of_numbers_is_named() -> None:
    growing = StateSpace([[1e60]], [[1]], [[1]], [[1]], [0], [[1]])
    with pytest.raises(DataError, match="leaves the range of float64 at step 3; choose units"):
        kalman.run_filter(growing, [[math.nan]] * 5)


def test_roots_hold_units_that_differ_by_any_factor() -> None:
    unit = np.diag([1e-90, 1.0, 1e70])
    half = np.random.default_rng(0).normal(size=(3, 3))
    matrix = unit @ half @ half.T @ unit
    for root in (root_of(matrix), triangular(root_of(matrix)), triangular(unit @ half)):
        np.testing.assert_allclose(root @ root.T, matrix, rtol=1e-9)
    assert not is_singular(triangular(unit @ half))
    assert is_singular(triangular(np.ones((3, 1)) @ np.array([[1e50, 1e-50, 1.0]])))
    assert check_covariance("P", matrix) > 0
    assert check_covariance("P", np.ones((3, 3))) == 0.0
