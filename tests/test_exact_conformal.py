"""Conformal prediction: vectors C1-C14 by hand, coverage by simulation, and its invariants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from redheart_core import DataError
from redheart_core.exact import calibration, conformal

P = [
    [0.7, 0.2, 0.1],
    [0.5, 0.3, 0.2],
    [0.1, 0.6, 0.3],
    [0.25, 0.25, 0.5],
    [0.4, 0.35, 0.25],
    [0.05, 0.15, 0.8],
    [0.34, 0.33, 0.33],
    [0.9, 0.06, 0.04],
    [0.2, 0.5, 0.3],
]
Y = [0, 1, 1, 2, 2, 2, 0, 0, 2]
TEST = [[0.6, 0.3, 0.1], [0.4, 0.35, 0.25], [0.95, 0.03, 0.02]]
INF = math.inf
CONFIDENCE = [0.95, 0.85, 0.8, 0.75, 0.65, 0.6, 0.55, 0.35, 0.9, 0.5]
CORRECT = [1, 1, 0, 1, 1, 0, 1, 0, 1, 0]
RESIDUALS = [0.3, 1.2, 0.5, 0.8, 0.1, 2, 0.9, 0.4, 0.7]

aps = conformal.of_labels(conformal.aps_scores(P), Y)
raps = conformal.of_labels(conformal.raps_scores(P, 0.1, 1), Y)
lac = conformal.of_labels(conformal.lac_scores(P), Y)


def quantiles(scores: Any, *alphas: float) -> list[float]:
    return [float(conformal.conformal_quantile(scores, alpha)) for alpha in alphas]


def sets(scores: Any, threshold: Any) -> list[set[int]]:
    return [set(np.flatnonzero(row).tolist()) for row in conformal.prediction_sets(scores, threshold)]


def errors(bins: int) -> tuple[float, float]:
    found = calibration.calibration_bins(CONFIDENCE, CORRECT, bins)
    return found.expected_error, found.largest_error


VECTORS: list[tuple[str, Callable[[], Any], Any]] = [
    ("C1", lambda: aps, [0.7, 0.8, 0.6, 0.5, 1, 0.8, 0.34, 0.9, 0.8]),
    ("C2", lambda: quantiles(aps, 0.1, 0.2, 0.3, 0.05), [1, 0.9, 0.8, INF]),
    ("C5", lambda: [*raps, *quantiles(raps, 0.2)], [0.7, 0.9, 0.6, 0.5, 1.2, 0.8, 0.34, 0.9, 0.9, 0.9]),
    ("C7", lambda: [*lac, *quantiles(lac, 0.2)], [0.3, 0.7, 0.4, 0.5, 0.75, 0.2, 0.66, 0.1, 0.7, 0.7]),
    ("C9", lambda: quantiles(conformal.residual_scores(RESIDUALS, 0), 0.2, 0.1, 0.05), [1.2, 2, INF]),
    (
        "C10",
        lambda: [conformal.coverage(n, alpha).mean for n, alpha in ((4, 0.3), (9, 0.1), (100, 0.1))],
        [4 / 5, 9 / 10, 91 / 101],
    ),
    (
        "C11",
        lambda: [(c := conformal.coverage(100, 0.1)).mean, c.sd],
        [0.900990099, 0.029573262],
    ),
    ("C12", lambda: errors(5), (0.15, 0.35)),
    ("C13", lambda: errors(10), (0.22, 0.5)),
    (
        "C14",
        lambda: calibration.fit_temperature([[3, 0], [0, 3], [3, 0], [0, 3]], [0, 1, 0, 0]),
        3 / math.log(3),
    ),
    (
        "8.2",
        lambda: [
            (c := conformal.coverage(500, 0.1)).rank,
            *c.accepted(1000),
            round(c.mean, 6),
        ],
        [451, 840, 947, 0.900200],
    ),
]


@pytest.mark.parametrize(("value", "expected"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any) -> None:
    np.testing.assert_allclose(value(), expected, rtol=0, atol=1e-9)


SETS: list[tuple[str, Any, Any, list[float], list[set[int]]]] = [
    ("C3", conformal.aps_scores(TEST), aps, [0.2], [{0, 1}, {0, 1}, set()]),
    ("C4", conformal.aps_scores(TEST), aps, [0.1, 0.05], [{0, 1, 2}] * 3),
    ("C6", conformal.raps_scores(TEST, 0.1, 1), raps, [0.2], [{0}, {0, 1}, set()]),
    ("C8", conformal.lac_scores(TEST), lac, [0.2], [{0, 1}, {0, 1}, {0}]),
]


@pytest.mark.parametrize(
    ("scores", "calibration", "alphas", "expected"), [v[1:] for v in SETS], ids=[v[0] for v in SETS]
)
def test_vector_of_sets(scores: Any, calibration: Any, alphas: list[float], expected: list[set[int]]) -> None:
    for alpha in alphas:
        assert sets(scores, conformal.conformal_quantile(calibration, alpha)) == expected


def softmax_world(seed: int, size: int, classes: int = 4) -> tuple[Any, Any]:
    """Predictions that are the truth, and labels drawn from them."""
    draw = np.random.default_rng(seed)
    p = draw.dirichlet(np.full(classes, 0.8), size)
    return p, (draw.random((size, 1)) > p.cumsum(1)).sum(1).clip(max=classes - 1)


@pytest.mark.parametrize("kind", ["lac", "aps", "raps"])
def test_coverage_lies_in_the_accepted_region(kind: str) -> None:
    p, y = softmax_world(1, 1500)
    u = np.random.default_rng(2).random(1500)
    scores = {
        "lac": conformal.lac_scores(p),
        "aps": conformal.aps_scores(p, u),
        "raps": conformal.raps_scores(p, 0.05, 2, u),
    }[kind]
    threshold = conformal.conformal_quantile(conformal.of_labels(scores, y)[:500], 0.1)
    kept = conformal.prediction_sets(scores[500:], threshold)
    low, high = conformal.coverage(500, 0.1).accepted(1000)
    assert low <= np.take_along_axis(kept, y[500:, None], 1).sum() <= high
    assert 1.0 < kept.sum(1).mean() < 3.5


def test_mean_coverage_over_many_splits_is_the_rank_over_n_plus_one() -> None:
    draw = np.random.default_rng(3)
    scores = np.abs(draw.standard_cauchy((20000, 10)))
    threshold = conformal.conformal_quantile(scores[:, :9], 0.25)
    law = conformal.coverage(9, 0.25)
    assert law.rank == 8
    assert (scores[:, 9] <= threshold).mean() == pytest.approx(law.mean, abs=4 * math.sqrt(0.16 / 20000))


def test_the_law_of_covered_test_records_is_beta_binomial() -> None:
    draw = np.random.default_rng(4)
    law = conformal.coverage(50, 0.2)
    covered = draw.binomial(80, draw.beta(law.rank, 51 - law.rank, 200_000))
    low, high = law.accepted(80, 0.02)
    assert (covered < low).mean() <= 0.0105
    assert (covered > high).mean() <= 0.0105
    assert (covered < low + 1).mean() >= 0.0095
    assert (covered > high - 1).mean() >= 0.0095


def test_residual_and_quantile_intervals_cover_as_promised() -> None:
    draw = np.random.default_rng(5)
    x = draw.uniform(0.5, 2, 1500)
    y = draw.normal(0, x)
    low, high = conformal.coverage(500, 0.1).accepted(1000)
    for scores in (
        conformal.residual_scores(y, 0.0),
        conformal.residual_scores(y, 0.0, x),
        conformal.cqr_scores(y, -x, x),
    ):
        threshold = conformal.conformal_quantile(scores[:500], 0.1)
        assert low <= (scores[500:] <= threshold).sum() <= high


def test_a_quantile_score_is_below_zero_inside_the_interval() -> None:
    np.testing.assert_allclose(conformal.cqr_scores([0.5, 2.0, -1.0], 0.0, 1.0), [-0.5, 1.0, 1.0])


def test_each_class_gets_its_own_threshold_and_small_ones_keep_everything() -> None:
    scores, labels = np.arange(24) / 10, np.arange(24) % 2
    found = conformal.class_quantiles(scores, labels, 3, 0.25)
    for number in (0, 1):
        assert found[number] == sorted(scores[labels == number])[math.ceil(13 * 0.75) - 1]
    assert found[2] == INF
    assert sets(np.full((1, 3), 99.0), found) == [{2}]


def test_aps_is_the_mass_ahead_and_ties_keep_their_order() -> None:
    found = conformal.aps_scores([[0.3, 0.4, 0.3], [0.25, 0.25, 0.5]], [0.5, 0.0])
    np.testing.assert_allclose(found, [[0.55, 0.2, 0.85], [0.5, 0.75, 0.0]], atol=1e-12)


def test_batches_hold_the_same_as_single_calls() -> None:
    p, y = softmax_world(6, 60)
    scores = conformal.raps_scores(p.reshape(3, 20, 4), 0.1, 1)
    chosen = conformal.of_labels(scores, y.reshape(3, 20))
    together = conformal.conformal_quantile(chosen, 0.2)
    for row in range(3):
        alone = conformal.raps_scores(p.reshape(3, 20, 4)[row], 0.1, 1)
        np.testing.assert_array_equal(alone, scores[row])
        assert conformal.conformal_quantile(chosen[row], 0.2) == together[row]


def test_a_rank_is_not_pushed_up_by_rounding() -> None:
    assert conformal.conformal_rank(9, 0.1) == 9
    assert conformal.conformal_rank(99, 0.01) == 99
    assert conformal.conformal_rank(9, 0.3) == 7


def test_empty_bins_are_nan_and_the_first_bin_includes_zero() -> None:
    found = calibration.calibration_bins([0.0, 0.3, 0.31], [0, 1, 1], 10)
    assert found.counts.tolist() == [1, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert np.isnan(found.observed[1])
    assert found.expected_error == pytest.approx((0.7 + 0.69) / 3)


def test_the_temperature_is_a_minimum_where_the_logits_match_and_the_argmax_stays() -> None:
    draw = np.random.default_rng(7)
    z = 3 * draw.normal(size=(400, 5))
    y = np.array([draw.choice(5, p=row) for row in special.softmax(z / 2.5, axis=1)])
    t = calibration.fit_temperature(z, y)

    def nll(temperature: float) -> float:
        return float(-np.mean(conformal.of_labels(special.log_softmax(z / temperature, axis=1), y)))

    assert t == pytest.approx(2.5, rel=0.15)
    assert nll(t) < min(nll(0.99 * t), nll(1.01 * t))
    p = special.softmax(z / t, axis=1)
    assert np.mean(conformal.of_labels(z, y)) == pytest.approx(np.mean((p * z).sum(1)), abs=1e-10)


def test_perfect_and_all_wrong_data_hit_the_bounds() -> None:
    z = np.array([[3.0, 0.0, 1.0], [0.0, 9.0, 2.0]])
    assert calibration.fit_temperature(z, [0, 1]) == 0.05
    assert calibration.fit_temperature(z, [1, 0]) == 20.0
    assert calibration.fit_temperature(1000 * z, [0, 1]) == 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conformal.conformal_quantile([], 0.1), r"calibration scores needs the shape \(\.\.\., n >= 1\)"),
        (lambda: conformal.conformal_quantile([0.1, math.nan], 0.1), "calibration scores must be finite, got nan at 1"),
        (lambda: conformal.conformal_quantile([0.1], 0.0), "alpha and 1 - alpha must be above 0"),
        (lambda: conformal.coverage(8, 0.1), "alpha = 0.1 needs at least 9 calibration scores, got 8"),
        (lambda: conformal.lac_scores([0.5, 0.6]), "probabilities must sum to 1, got the sum 1.1"),
        (lambda: conformal.aps_scores(P, [0.5, 0.5]), "u and probabilities must have equal"),
        (lambda: conformal.aps_scores(P[0], [0.5, 0.5]), r"u needs one number per record, \(\), got \(2,\)"),
        (lambda: conformal.raps_scores(P, -0.1, 1), "penalty must be at least 0, got -0.1"),
        (lambda: conformal.of_labels(P, [0, 1]), r"labels need the shape \(9,\), got \(2,\)"),
        (lambda: conformal.of_labels(P, [3] * 9), r"labels must lie in 0\.\.2, got 3"),
        (lambda: conformal.of_labels(P, [0.5] * 9), "labels must be whole numbers, got 0.5"),
        (lambda: conformal.prediction_sets(P, math.nan), "threshold must not be NaN"),
        (lambda: conformal.prediction_sets(P, [1.0, 1.0]), "scores and threshold must have equal"),
        (lambda: conformal.class_quantiles([0.1, 0.2], [0], 2, 0.1), r"got \(2,\) and \(1,\)"),
        (lambda: conformal.residual_scores([1.0], [1.0], 0.0), "scale must be above 0, got 0"),
        (lambda: calibration.calibration_bins([], []), "predicted needs the shape"),
        (lambda: calibration.calibration_bins([0.5, 1.5], [1, 0]), r"predicted must lie in 0\.\.1, got 1\.5 at 1"),
        (lambda: calibration.calibration_bins([0.5], [1, 0]), r"equally many of both, got \(1,\) and \(2,\)"),
        (lambda: calibration.fit_temperature([[1.0, 1.0]], [0]), "no temperature changes anything"),
        (lambda: calibration.fit_temperature([[1.0]], [0]), r"logits need the shape \(n, K >= 2\), got \(1, 1\)"),
        (lambda: calibration.fit_temperature([[1.0, math.inf]], [0]), "logits must be finite, got inf"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
