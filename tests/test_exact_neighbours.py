"""Nearest-neighbour estimates give exact fractions by hand and the Gaussian truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import lfilter
from scipy.special import digamma

from redheart_core import DataError
from redheart_core.exact.neighbours import (
    Scaling,
    conditional_mutual_information,
    count_closer,
    lagged,
    mutual_information,
    radii,
    transfer_entropy,
)
from redheart_core.exact.neighbours_sampling import permutation_test, subsampling_error

Column = NDArray[np.float64]

K1_X, K1_Y = np.array([16, 26, 15, 58, 10, 53, 47, 50]), np.array([6, 23, 18, 58, 14, 57, 51, 39])
K2_X = np.array([9, 47, 50, 22, 1, 42, 6, 36, 10])
K2_Y = np.array([20, 51, 62, 25, 7, 39, 14, 26, 1])
K2_Z = np.array([21, 42, 29, 50, 56, 24, 25, 33, 38])


def columns(*parts: NDArray[np.int64]) -> Column:
    return np.stack(parts, axis=1).astype(float)


def gaussian(rng: np.random.Generator, rho: float, samples: int) -> tuple[Column, Column]:
    x = rng.standard_normal(samples)
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(samples)


def brute_force(x: Column, y: Column, k: int) -> float:
    """The first estimator of Kraskov et al., written out over all pairs."""
    near_x = np.abs(x[:, None] - x[None]).reshape(len(x), len(x), -1).max(axis=2)
    near_y = np.abs(y[:, None] - y[None]).reshape(len(y), len(y), -1).max(axis=2)
    eps = np.sort(np.maximum(near_x, near_y), axis=1)[:, k : k + 1]
    n_x, n_y = (near_x < eps).sum(axis=1) - 1, (near_y < eps).sum(axis=1) - 1
    return float(digamma(k) + digamma(len(x)) - (digamma(n_x + 1) + digamma(n_y + 1)).mean())


def test_k1_counts_neighbours_strictly_within_the_distance() -> None:
    eps = radii(columns(K1_X, K1_Y), 2)
    assert eps.tolist() == [12, 16, 11, 11, 8, 6, 11, 18]
    assert count_closer(columns(K1_X), eps).tolist() == [3, 2, 2, 2, 2, 2, 2, 3]
    assert count_closer(columns(K1_Y), eps).tolist() == [1, 2, 2, 2, 1, 1, 2, 2]


def test_k2_counts_neighbours_in_the_joint_spaces_with_the_condition() -> None:
    eps = radii(columns(K2_X, K2_Y, K2_Z), 2)
    assert eps.tolist() == [19, 18, 23, 21, 21, 18, 13, 17, 18]
    assert count_closer(columns(K2_X, K2_Z), eps).tolist() == [2, 2, 3, 2, 1, 2, 1, 3, 3]
    assert count_closer(columns(K2_Y, K2_Z), eps).tolist() == [2, 1, 1, 2, 2, 1, 2, 3, 1]
    assert count_closer(columns(K2_Z), eps).tolist() == [5, 6, 7, 4, 3, 5, 4, 6, 7]


@pytest.mark.parametrize("_", [pytest.param(0, id="K1")])
def test_mutual_information_of_whole_numbers_is_an_exact_fraction(_: int) -> None:
    found = mutual_information(K1_X, K1_Y, k=2, scaling="none")
    assert found.nats == pytest.approx(float(Fraction(1171, 1680)), abs=1e-12)
    assert found.bits == pytest.approx(0.697023809524 / 0.693147180560, abs=1e-9)


@pytest.mark.parametrize("_", [pytest.param(0, id="K2")])
def test_conditional_information_of_whole_numbers_is_an_exact_fraction(_: int) -> None:
    found = conditional_mutual_information(K2_X, K2_Y, K2_Z, k=2, scaling="none")
    assert found.nats == pytest.approx(float(Fraction(907, 1890)), abs=1e-12)


@pytest.mark.parametrize("_", [pytest.param(0, id="K3")])
def test_identical_variables_have_the_largest_value_there_is(_: int) -> None:
    x = np.random.default_rng(0).choice(2**40, size=100, replace=False)
    assert mutual_information(x, x, scaling="none").nats == pytest.approx(3.094044184306, abs=1e-9)


@pytest.mark.parametrize("_", [pytest.param(0, id="K4")])
def test_swapping_permuting_and_a_common_unit_change_nothing(_: int) -> None:
    expected = pytest.approx(1171 / 1680, abs=1e-12)
    order = np.random.default_rng(1).permutation(8)
    assert mutual_information(K1_Y, K1_X, k=2, scaling="none").nats == expected
    assert mutual_information(K1_X[order], K1_Y[order], k=2, scaling="none").nats == expected
    assert mutual_information(1024 * K1_X, 1024 * K1_Y, k=2, scaling="none").nats == expected
    assert mutual_information(K1_X + 4096, K1_Y - 512, k=2, scaling="none").nats == expected


@pytest.mark.parametrize(
    ("rho", "truth", "tolerance"),
    [
        pytest.param(0.0, 0.0, 0.02, id="K5"),
        pytest.param(0.3, 0.047155340, 0.02, id="K6"),
        pytest.param(0.6, 0.223143551, 0.02, id="K7"),
        pytest.param(0.9, 0.830365603, 0.03, id="K8"),
    ],
)
def test_gaussian_information_comes_out(rho: float, truth: float, tolerance: float) -> None:
    assert truth == pytest.approx(-0.5 * math.log(1 - rho**2), abs=1e-9)
    rng = np.random.default_rng(round(10 * rho))
    for samples in (200, 4000):
        single = mutual_information(*gaussian(rng, rho, samples), scaling="none").nats
        assert single == pytest.approx(truth, abs=5 / math.sqrt(samples))
    runs = [mutual_information(*gaussian(rng, rho, 1000)).nats for _ in range(20)]
    assert runs == pytest.approx([truth] * 20, abs=5 / math.sqrt(1000))
    assert np.mean(runs) == pytest.approx(truth, abs=tolerance)


def autoregressive_pair(rng: np.random.Generator, samples: int) -> tuple[Column, Column]:
    e1, e2 = rng.standard_normal((2, samples + 200))
    x = lfilter([1.0], [1.0, -0.5], e1)
    y = lfilter([1.0], [1.0, -0.4], np.concatenate([[0.0], 0.6 * x[:-1]]) + e2)
    return x[200:], y[200:]


def gaussian_transfer(samples_of_past: tuple[int, int]) -> float:
    """TE(x -> y) of the pair with these lags from the stationary covariance."""
    step = np.array([[0.5, 0.0], [0.6, 0.4]])
    covariance = solve_discrete_lyapunov(step, np.eye(2))

    def between(a: tuple[int, int], b: tuple[int, int]) -> float:
        """Covariance of variable a[0] at time a[1] with b[0] at b[1]."""
        if a[1] < b[1]:
            return between(b, a)
        return float((np.linalg.matrix_power(step, a[1] - b[1]) @ covariance)[a[0], b[0]])

    def rest(known: list[tuple[int, int]]) -> float:
        inner = np.array([[between(a, b) for b in known] for a in known])
        cross = np.array([between((1, 0), a) for a in known])
        return between((1, 0), (1, 0)) - float(cross @ np.linalg.solve(inner, cross))

    source_lags, target_lags = samples_of_past
    own = [(1, -lag) for lag in range(1, target_lags + 1)]
    return 0.5 * math.log(rest(own) / rest(own + [(0, -lag) for lag in range(1, source_lags + 1)]))


@pytest.mark.slow
@pytest.mark.parametrize("_", [pytest.param(0, id="K9")])
def test_transfer_entropy_of_a_linear_pair_comes_out_in_its_direction(_: int) -> None:
    assert gaussian_transfer((1, 1)) == pytest.approx(0.180946929907, abs=1e-9)
    rng = np.random.default_rng(9)
    pairs = [autoregressive_pair(rng, 1001) for _ in range(20)]
    forward = [transfer_entropy(x, y).nats for x, y in pairs]
    backward = [transfer_entropy(y, x).nats for x, y in pairs]
    assert forward == pytest.approx([0.180946929907] * 20, abs=0.10)
    assert backward == pytest.approx([0.0] * 20, abs=0.10)
    assert np.mean(forward) == pytest.approx(0.180946929907, abs=0.02)
    assert np.mean(backward) == pytest.approx(0.0, abs=0.02)


def test_transfer_entropy_with_several_lags_comes_out() -> None:
    x, y = autoregressive_pair(np.random.default_rng(10), 3000)
    found = transfer_entropy(x, y, source_lags=2, target_lags=2)
    assert found.samples == 2998
    assert found.nats == pytest.approx(gaussian_transfer((2, 2)), abs=0.05)


@pytest.mark.parametrize("_", [pytest.param(0, id="K10")])
def test_a_chain_has_no_information_left_given_its_middle(_: int) -> None:
    rng = np.random.default_rng(10)
    runs = []
    for _run in range(20):
        x = rng.standard_normal(1000)
        z = x + rng.standard_normal(1000)
        runs.append(conditional_mutual_information(x, z + rng.standard_normal(1000), z).nats)
    assert np.mean(runs) == pytest.approx(0.0, abs=0.02)


def test_conditional_information_of_gaussians_is_that_of_the_partial_correlation() -> None:
    rng = np.random.default_rng(11)
    z = rng.standard_normal(3000)
    x, y = gaussian(rng, 0.7, 3000)
    found = conditional_mutual_information(x + z, y - 2 * z, z).nats
    assert found == pytest.approx(-0.5 * math.log(1 - 0.49), abs=0.06)


@pytest.mark.parametrize("shape", [(300,), (300, 2)])
def test_the_tree_counts_what_all_pairs_count(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(12)
    x = rng.normal(size=shape)
    y = np.sin(x) + 0.5 * rng.normal(size=shape)
    for k in (1, 5, 20):
        assert mutual_information(x, y, k=k, scaling="none").nats == pytest.approx(brute_force(x, y, k), abs=1e-12)
        far = 1000 * (x + 3), 1000 * (y + 3)  # an absolute step of 1e-15 would be lost here
        assert mutual_information(*far, k=k, scaling="none").nats == pytest.approx(brute_force(*far, k), abs=1e-12)


def test_a_constant_condition_gives_the_unconditional_estimate() -> None:
    x, y = gaussian(np.random.default_rng(13), 0.5, 400)
    for constant in (np.zeros(400), np.full((400, 2), 0.1)):
        found = conditional_mutual_information(x, y, constant).nats
        assert found == pytest.approx(mutual_information(x, y).nats, abs=1e-12)


def test_standard_scaling_makes_units_irrelevant_and_rank_scaling_any_rising_function() -> None:
    x, y = gaussian(np.random.default_rng(14), 0.6, 500)
    plain = mutual_information(x, y)
    assert (plain.scaling, plain.k, plain.samples) == ("standard", 5, 500)
    assert mutual_information(1e6 * x + 5, y / 1e3).nats == pytest.approx(plain.nats, abs=1e-9)
    assert mutual_information(x, 1e3 * y, scaling="none").nats != pytest.approx(plain.nats, abs=0.01)
    ranked = mutual_information(x, y, scaling="rank")
    assert mutual_information(np.exp(3 * x), y**3, scaling="rank").nats == ranked.nats
    assert ranked.nats == pytest.approx(plain.nats, abs=0.05)


def test_very_large_and_very_small_units_do_no_harm() -> None:
    x, y = gaussian(np.random.default_rng(20), 0.6, 200)
    expected = pytest.approx(mutual_information(x, y).nats, abs=1e-9)
    for unit in (1e-300, 1e300):
        assert mutual_information(unit * x, y).nats == expected
        assert mutual_information(unit * x, y, jitter=np.random.default_rng(0)).nats == pytest.approx(
            mutual_information(x, y, jitter=np.random.default_rng(0)).nats, abs=1e-9
        )


def test_two_sources_are_columns() -> None:
    rng = np.random.default_rng(15)
    both = rng.standard_normal((2000, 2))
    y = both.sum(axis=1) + rng.standard_normal(2000)
    assert mutual_information(both, y).nats == pytest.approx(0.5 * math.log(3), abs=0.06)
    assert mutual_information(both.mean(axis=1), both[:, 0] - both[:, 1]).nats == pytest.approx(0, abs=0.06)


def test_a_variable_that_never_varies_has_no_information_by_convention() -> None:
    y = np.random.default_rng(16).normal(size=50)
    for x in (np.full(50, 0.1), np.zeros((50, 2))):
        assert mutual_information(x, y).nats == mutual_information(y, x).nats == 0.0
        assert mutual_information(x, y).degenerate
        assert conditional_mutual_information(x, y, y).degenerate
    assert not mutual_information(y, y**2).degenerate


def test_repeated_values_are_refused_until_jitter_parts_them() -> None:
    rng = np.random.default_rng(17)
    x = rng.integers(3, size=500).astype(float)
    y = rng.integers(3, size=500).astype(float)
    with pytest.raises(DataError, match=r"500 of 500 samples coincide with at least k = 5 others.*pass jitter="):
        mutual_information(x, y)
    first, again = (mutual_information(x, y, jitter=np.random.default_rng(0)).nats for _ in range(2))
    assert first == again == pytest.approx(0, abs=0.25)


def test_lagged_rows_hold_the_latest_past_first() -> None:
    present, source_past, target_past = lagged(np.arange(5), 10 * np.arange(5), source_lags=2, target_lags=1)
    assert present.tolist() == [[20], [30], [40]]
    assert source_past.tolist() == [[1, 0], [2, 1], [3, 2]]
    assert target_past.tolist() == [[10], [20], [30]]


def test_permutation_tells_dependence_from_chance() -> None:
    rng = np.random.default_rng(18)
    dependent = permutation_test(*gaussian(rng, 0.6, 200), rng=rng, permutations=39)
    assert dependent.p_value == pytest.approx(1 / 40)
    assert np.mean(dependent.null) == pytest.approx(0, abs=0.02)
    p_values = [permutation_test(*gaussian(rng, 0, 100), rng=rng, permutations=19).p_value for _ in range(10)]
    assert np.mean(p_values) == pytest.approx(0.525, abs=0.25)


@pytest.mark.slow
def test_subsampling_finds_the_spread_between_data_sets_where_a_bootstrap_is_off() -> None:
    rng = np.random.default_rng(19)
    sets = [gaussian(rng, 0.6, 600) for _ in range(40)]
    estimates = [mutual_information(x, y).nats for x, y in sets]

    def of_rows(x: Column, y: Column, rows: NDArray[np.int64]) -> float:
        return mutual_information(x[rows], y[rows]).nats

    errors = [subsampling_error(partial(of_rows, x, y), 600, rng=rng, rounds=3) for x, y in sets[:10]]
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.5)
    x, y = sets[0]
    rows = rng.integers(600, size=600)
    jitter = np.random.default_rng(0)
    assert mutual_information(x[rows], y[rows], jitter=jitter).nats > estimates[0] + 5 * np.mean(errors)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mutual_information([1, 2, 3], [1, 2]), "same number of samples, got x 3, y 2"),
        (
            lambda: mutual_information([1, 2, math.nan], [1, 2, 3], k=1),
            "x must be finite, got nan at .*1 such of 3.*leave out",
        ),
        (lambda: mutual_information([1, 2, 3], [1, math.inf, 3], k=1), "y must be finite, got inf at"),
        (lambda: mutual_information([], []), "x is empty"),
        (lambda: mutual_information([1, 2, 3], [1, 2, 3], k=3), "k = 3 neighbours need more than 3 samples, got 3"),
        (lambda: mutual_information([1, 2, 3], [1, 2, 3], k=0), "k has to be a whole number of at least 1, got 0"),
        (lambda: mutual_information([1, 2, 3], [1, 2, 3], k=cast(int, 1.5)), "k has to be a whole number"),
        (
            lambda: mutual_information([1, 2], [1, 2], k=1, scaling=cast(Scaling, "unit")),
            "scaling has to be one of none, rank",
        ),
        (
            lambda: mutual_information([1e308, -1e308, 0], [1, 2, 3], k=1),
            r"x reaches 1e\+308, so that differences overflow",
        ),
        (lambda: conditional_mutual_information([1, 2], [1, 2], [1, 2, 3], k=1), "got x 2, y 2, z 3"),
        (lambda: transfer_entropy([1, 2], [1, 2], source_lags=2), "a series of 2 steps has no row with 2 steps"),
        (lambda: transfer_entropy([1, 2, 3], [1, 2], k=1), "got source 3, target 2"),
        (lambda: transfer_entropy([1, 2, 3], [1, 2, 3], target_lags=0), "target_lags has to be a whole number"),
        (lambda: subsampling_error(float, 5, rng=np.random.default_rng(0)), "5 samples are too few for 5 parts"),
    ],
)
def test_bad_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
