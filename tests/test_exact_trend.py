"""Sweet-spot statistics: vectors W1-W15 by hand, direct definitions, and their invariants."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from redheart_core import DataError
from redheart_core.exact import trend

CURVE = [1, 0.6, 0.4, 0.3, 0.26, 0.25, 0.24, 0.25, 0.26, 0.24, 0.30, 0.38]
LOSSES = [
    [0.90, 0.60, 0.45, 0.42, 0.40, 0.41, 0.43],
    [0.94, 0.62, 0.49, 0.40, 0.41, 0.44, 0.46],
    [0.86, 0.64, 0.47, 0.44, 0.42, 0.41, 0.45],
]
NOISY = [0.9, 0.6, 0.5, 0.2, 0.48, 0.44, 0.42, 0.41, 0.43, 0.47]
MEANS = [0.75, 2 / 3, 1.3 / 3, 1.18 / 3, 1.12 / 3, 1.34 / 3, 1.27 / 3, 0.42, 1.31 / 3, 0.45]


def fields(series: Any, *names: str) -> list[Any]:
    found = trend.mann_kendall(series)
    return [getattr(found, name) for name in names]


def plateau(tolerance: float, least: int) -> tuple[int, int] | None:
    found = trend.find_plateau(CURVE, tolerance, least)
    return None if found is None else (found.first, found.last)


def knee(*arguments: Any) -> trend.Knee:
    found = trend.kneedle(*arguments)
    assert found is not None
    return found


def seeds() -> list[float]:
    found = trend.one_standard_error(LOSSES)
    return [*found.means, found.best, found.error, found.choice]


UNIT = np.linspace(0, 1, 10)
FINE = np.linspace(0, 1, 101)
ALL = ("score", "variance", "z", "p", "slope")
VECTORS: list[tuple[str, Callable[[], Any], Any]] = [
    (
        "W1",
        lambda: fields([1, 2, 3, 4, 5], *ALL, "exact_p"),
        [10, 50 / 3, 2.204540768505, 0.027486336112, 1, 1 / 60],
    ),
    (
        "W2",
        lambda: fields([5, 4, 3, 2, 1], "score", "p", "exact_p", "tau"),
        [-10, 0.027486336112, 1 / 60, -1],
    ),
    (
        "W3",
        lambda: fields([1, 0.8, 0.7, 0.75, 0.6, 0.58, 0.59, 0.55, 0.54, 0.54], *ALL),
        [-40, 124, -3.502303389522, 0.000461254067, -0.037142857143],
    ),
    ("W4", lambda: fields([1, 2, 2, 3, 3, 3, 4, 4], *ALL), [23, 179 / 3, 2.848110223214, 0.004397968962, 0.4]),
    (
        "W5",
        lambda: fields([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], *ALL),
        [12, 122, 0.995893206468, 0.319302036483, 1 / 3],
    ),
    ("W6", lambda: fields([2, 2, 2, 2], *ALL), [0, 0, 0, 1, 0]),
    ("W7", lambda: float(trend.exact_trend_p(10, 29)), 5533 / 604800),
    ("W8", lambda: plateau(0.05, 3), (4, 9)),
    ("W9", lambda: [*plateau(0.02, 3), *plateau(0.1, 3), plateau(0.05, 8) is None], [5, 7, 3, 10, True]),  # type: ignore[misc]
    ("W10", lambda: knee(UNIT, 5 - 1 / (UNIT + 0.1), "concave", "increasing").x, 2 / 9),
    ("W11", lambda: ((k := knee(range(1, 11), 10 / np.arange(1, 11))).x, k.difference), (3, 14 / 27)),
    ("W12", lambda: ((k := knee(FINE, FINE**0.5, "concave", "increasing")).x, k.difference), (0.25, 0.25)),
    ("W13", seeds, [0.9, 0.62, 0.47, 0.42, 0.41, 0.42, 1.34 / 3, 4, 0.005773502692, 4]),
    ("W14", lambda: [*(s := trend.smoothed_argmin(NOISY, 1)).smoothed, s.index], [*MEANS, 4]),
    ("W15", lambda: float(sum(p for s, p in trend.score_law(5).items() if abs(s) <= 2)), 31 / 60),
]


@pytest.mark.parametrize(("value", "expected"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any) -> None:
    np.testing.assert_allclose(np.array(value(), dtype=float), expected, rtol=0, atol=1e-9)


def test_exact_p_of_w7_is_the_stated_fraction() -> None:
    assert trend.exact_trend_p(10, 29) == Fraction(5533, 604800)


def score(series: Any) -> int:
    return sum(int(b > a) - int(b < a) for a, b in itertools.combinations(series, 2))


def test_the_trend_is_its_definition_on_random_series_with_and_without_ties() -> None:
    draw = np.random.default_rng(1)
    for size in range(2, 12):
        for series in (draw.normal(size=size), draw.integers(0, 4, size)):
            found = trend.mann_kendall(series)
            ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(series.tolist()).values())
            variance = (size * (size - 1) * (2 * size + 5) - ties) / 18
            slopes = [(series[j] - series[i]) / (j - i) for i, j in itertools.combinations(range(size), 2)]
            assert found.score == score(series)
            assert found.variance == pytest.approx(variance)
            assert found.slope == pytest.approx(np.median(slopes))
            assert found.tau == pytest.approx(found.score / len(slopes))
            assert (found.exact_p is None) == (size > 10 or len(set(series.tolist())) < size)


def test_the_law_of_the_score_is_that_of_all_permutations() -> None:
    for size in range(1, 7):
        counts = Counter(score(order) for order in itertools.permutations(range(size)))
        assert trend.score_law(size) == {s: Fraction(n, math.factorial(size)) for s, n in counts.items()}


def test_the_p_of_a_long_clear_trend_does_not_vanish() -> None:
    found = trend.mann_kendall(np.arange(200.0))
    assert 0.0 < found.p < 1e-90


def test_permuted_blocks_agree_with_the_exact_p_without_autocorrelation() -> None:
    series = np.random.default_rng(2).normal(size=9) + 0.15 * np.arange(9)
    exact = trend.mann_kendall(series).exact_p
    assert trend.block_permutation_p(series, 1, 4999) == pytest.approx(exact, abs=0.02)
    assert trend.block_permutation_p(series, 1, 99, seed=3) == trend.block_permutation_p(series, 1, 99, seed=3)


def test_permuted_blocks_see_no_trend_in_a_random_walk_as_often_as_single_points_do() -> None:
    draw = np.random.default_rng(4)
    walks = draw.normal(size=(20, 60)).cumsum(1)
    plain = [trend.mann_kendall(walk).p < 0.05 for walk in walks]
    blocks = [trend.block_permutation_p(walk, 15, 99) < 0.05 for walk in walks]
    assert sum(blocks) < sum(plain) / 2


def test_a_plateau_is_the_longest_earliest_interval_of_a_full_search() -> None:
    draw = np.random.default_rng(5)
    for _ in range(100):
        series = draw.integers(0, 9, draw.integers(1, 25)) / 8
        tolerance, least = draw.choice([0.0, 0.125, 0.3, 0.5]), int(draw.integers(1, 6))
        allowed = tolerance * np.ptp(series) + 1e-9
        size = len(series)
        fits = [(b - a, -a) for a in range(size) for b in range(a, size) if np.ptp(series[a : b + 1]) <= allowed]
        length, start = max(fits)
        found = trend.find_plateau(series, tolerance, least)
        assert found == (trend.Plateau(-start, length - start) if length + 1 >= least else None)


def test_a_constant_series_is_one_plateau() -> None:
    assert trend.find_plateau([2.0, 2.0, 2.0], 0.0, 3) == trend.Plateau(0, 2)


@pytest.mark.parametrize(
    ("curve", "direction", "flip_x", "flip_y"),
    [
        ("concave", "increasing", False, False),
        ("convex", "decreasing", False, True),
        ("convex", "increasing", True, True),
        ("concave", "decreasing", True, False),
    ],
)
def test_the_four_shapes_are_mirror_images(curve: str, direction: str, flip_x: bool, flip_y: bool) -> None:
    x = np.cumsum(np.random.default_rng(6).random(60))
    x = (x - x[0]) / (x[-1] - x[0])
    y = np.sqrt(x)
    plain = knee(x, y, "concave", "increasing")
    moved_x, moved_y = (1 - x[::-1] if flip_x else x), (y[::-1] if flip_x else y)
    mirrored = knee(moved_x, 1 - moved_y if flip_y else moved_y, curve, direction)
    assert mirrored.index == (59 - plain.index if flip_x else plain.index)
    assert mirrored.difference == pytest.approx(plain.difference, abs=1e-12)


def test_a_knee_does_not_depend_on_scale_and_is_inside_the_curve() -> None:
    draw = np.random.default_rng(7)
    for _ in range(100):
        size = int(draw.integers(5, 40))
        x, y = np.sort(draw.random(size)), draw.normal(size=size).cumsum()
        found, scaled = trend.kneedle(x, y), trend.kneedle(4 * x + 2, 0.25 * y - 3)
        assert (found and found.index) == (scaled and scaled.index)
        assert found is None or 0 < found.index < size - 1


def test_a_straight_line_has_no_knee() -> None:
    x = np.arange(0, 1, 0.1)
    assert trend.kneedle(x, 0.3 * x + 7, "concave", "increasing") is None
    assert trend.kneedle(x, -0.3 * x, "convex", "decreasing") is None


def test_a_small_dent_is_passed_over_and_a_high_sensitivity_finds_nothing() -> None:
    x = np.linspace(0, 1, 21)
    y = x + np.array([0, 3, 6, 5.9, 7, 8, 9, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0.8, 0.5, 0.2, 0]) / 40
    assert knee(x, y, "concave", "increasing").index == 7
    assert trend.kneedle(x, y, "concave", "increasing", 10.0) is None


def test_a_smoothed_minimum_is_the_median_where_asked_and_the_earliest_of_equals() -> None:
    found = trend.smoothed_argmin(NOISY, 1, median=True)
    np.testing.assert_allclose(found.smoothed, [0.75, 0.6, 0.5, 0.48, 0.44, 0.44, 0.42, 0.42, 0.43, 0.45])
    assert found.index == 6
    assert trend.smoothed_argmin([3, 1, 1, 3], 0).index == 1


def test_the_paired_rule_uses_the_error_of_each_difference() -> None:
    found = trend.one_standard_error(LOSSES, paired=True)
    difference = np.array(LOSSES) - np.array(LOSSES)[:, [4]]
    within = difference.mean(0) <= difference.std(0, ddof=1) / math.sqrt(3) + 1e-12
    assert (found.best, found.choice) == (4, within.tolist().index(True))
    assert found.choice == 3


def test_pairing_keeps_apart_what_seeds_share() -> None:
    shared = np.array([[0.0], [1.0], [2.0]])
    losses = shared + np.array([0.5, 0.4, 0.3])
    assert trend.one_standard_error(losses).choice == 0
    assert trend.one_standard_error(losses, paired=True).choice == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trend.mann_kendall([]), r"series needs the shape \(\.\.\., n >= 2\), got \(0,\)"),
        (lambda: trend.mann_kendall([1.0]), r"n >= 2\), got \(1,\)"),
        (lambda: trend.mann_kendall([1.0, math.nan, 2.0]), "series must be finite, got nan at 1 .*; drop or fill"),
        (lambda: trend.mann_kendall([[1.0, 2.0], [3.0, 4.0]]), r"series needs the shape \(2,\) \(one series\), got"),
        (lambda: trend.score_law(0), "size must be at least 1, got 0"),
        (lambda: trend.block_permutation_p([1, 2, 3], 3), r"n >= 4\), got \(3,\)"),
        (lambda: trend.find_plateau([], 0.1, 3), r"n >= 1\), got \(0,\)"),
        (lambda: trend.find_plateau([1.0], -0.1, 3), r"relative_tolerance must lie in 0\.\.1, got -0\.1"),
        (lambda: trend.kneedle([0, 1, 2], [1, 1, 1]), "a constant curve has no knee"),
        (lambda: trend.kneedle([0, 2, 1], [3, 2, 1]), "steps of x must be above 0, got -1 at 1 .*; sort the points"),
        (lambda: trend.kneedle([0, 1], [3, 2]), r"x needs the shape \(\.\.\., n >= 3\), got \(2,\)"),
        (lambda: trend.kneedle([0, 1, 2], [3, 2, 1, 0]), r"y needs the shape \(3,\) \(as x\), got \(4,\)"),
        (lambda: trend.kneedle([0, 1, 2], [3, 2, 1], "round"), "shape must be one of .*got round decreasing"),
        (lambda: trend.smoothed_argmin([], 1), r"n >= 1\), got \(0,\)"),
        (lambda: trend.smoothed_argmin([1.0], -1), "half_width must be at least 0, got -1"),
        (lambda: trend.one_standard_error([[1.0, 2.0]]), r"seeds >= 2, n >= 1\), got \(1, 2\); one row per seed"),
        (lambda: trend.one_standard_error([[1.0], [math.nan]]), "losses must be finite, got nan"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
