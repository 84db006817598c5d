"""Votes as targets: vectors V1-V10 by hand, sampling, and their invariants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from redheart_core import DataError
from redheart_core.exact import votes

FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
PAIRS = [[8, 2], [1, 9], [5, 5], [10, 0]]


def agreement(table: Any) -> list[float]:
    found = votes.fleiss_kappa(table)
    return [found.observed, found.chance, found.kappa]


def compared() -> list[float]:
    found = votes.soft_cross_entropy([0.6, 0.3, 0.1], [0.5, 0.25, 0.25])
    return [float(found.entropy), float(found.cross_entropy), float(found.excess)]


VECTORS: list[tuple[str, Callable[[], Any], Any, float]] = [
    ("V1", compared, [0.897945724857, 0.970406052784, 0.072460327927], 1e-9),
    ("V2", lambda: agreement(FLEISS), [0.378021978022, 0.212755102041, 0.209930704422], 1e-9),
    ("V3", lambda: agreement([[3, 0], [0, 3], [2, 1], [1, 2]]), [2 / 3, 1 / 2, 1 / 3], 1e-9),
    ("V4", lambda: votes.log_likelihood([1, 1], PAIRS).sum(), -21.230257761469, 1e-9),
    ("V5", lambda: votes.fresh_entropy([3, 1.5]), 0.539295822745, 1e-9),
    ("V6", lambda: votes.best_cross_entropy([1, 1], [7, 3]), 45383 / 69300, 1e-9),
    ("V7", lambda: votes.fresh_entropy([8, 4]), 1103 / 1848, 1e-9),
    ("V8", lambda: votes.best_accuracy([1, 1], [7, 3]), 227 / 256, 1e-9),
    ("V9", lambda: votes.argmax_probabilities([4, 2, 1]), [757 / 972, 685 / 3888, 175 / 3888], 1e-9),
    (
        "V10",
        lambda: [
            *(fit := votes.fit_dirichlet_multinomial([*PAIRS, [3, 7], [6, 4]])).alpha,
            fit.log_likelihood,
        ],
        [1.32415, 1.03339, -36.016395051],
        1e-4,
    ),
]


@pytest.mark.parametrize(("value", "expected", "within"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any, within: float) -> None:
    np.testing.assert_allclose(value(), expected, rtol=0, atol=within)


def test_the_log_likelihood_of_v10_is_exact_to_nine_digits() -> None:
    assert votes.fit_dirichlet_multinomial([*PAIRS, [3, 7], [6, 4]]).log_likelihood == pytest.approx(
        -36.016395051, abs=1e-9
    )


def test_cross_entropy_is_at_least_the_entropy_and_equal_only_for_the_shares_themselves() -> None:
    draw = np.random.default_rng(1)
    q, p = draw.dirichlet(np.ones(4), 50), draw.dirichlet(np.ones(4), 50)
    found = votes.soft_cross_entropy(q, p)
    np.testing.assert_allclose(found.cross_entropy, -(q * np.log(p)).sum(1))
    np.testing.assert_allclose(found.excess, found.cross_entropy - found.entropy, atol=1e-12)
    assert found.excess.min() > 0
    np.testing.assert_array_equal(votes.soft_cross_entropy(q, q).excess, 0)


def test_the_gradient_in_logits_is_prediction_less_shares() -> None:
    z, q = np.array([0.3, -1.0, 0.5]), np.array([0.6, 0.3, 0.1])
    slope = [
        float(
            votes.soft_cross_entropy(q, special.softmax(z + 1e-5 * unit)).cross_entropy
            - votes.soft_cross_entropy(q, special.softmax(z - 1e-5 * unit)).cross_entropy
        )
        / 2e-5
        for unit in np.eye(3)
    ]
    np.testing.assert_allclose(slope, special.softmax(z) - q, atol=1e-9)


def test_classes_without_votes_contribute_nothing_and_a_denied_class_costs_infinitely() -> None:
    assert float(votes.soft_cross_entropy([1, 0], [0.5, 0.5]).cross_entropy) == pytest.approx(math.log(2))
    assert float(votes.soft_cross_entropy([1, 0], [1, 0]).cross_entropy) == 0.0
    assert float(votes.soft_cross_entropy([0.5, 0.5], [1, 0]).cross_entropy) == math.inf


def test_the_entropy_of_votes_is_low_by_about_the_stated_bias() -> None:
    drawn = np.random.default_rng(2).multinomial(50, np.full(4, 0.25), 4000)
    short = math.log(4) - votes.entropy(votes.vote_shares(drawn)).mean()
    assert short == pytest.approx(float(votes.entropy_bias(4, 50)), rel=0.05)


def test_agreement_is_the_share_of_agreeing_pairs() -> None:
    table = np.random.default_rng(3).multinomial(5, [0.5, 0.3, 0.2], 20)
    pairs = []
    for row in table:
        labels = np.repeat(np.arange(3), row)
        pairs.append(np.mean([labels[i] == labels[j] for i in range(5) for j in range(5) if i != j]))
    assert votes.fleiss_kappa(table).observed == pytest.approx(np.mean(pairs))


def test_kappa_is_one_for_full_agreement_about_zero_for_chance_and_undefined_for_one_class() -> None:
    assert votes.fleiss_kappa([[4, 0], [0, 4]]).kappa == pytest.approx(1.0)
    chance = np.random.default_rng(4).multinomial(8, [0.5, 0.3, 0.2], 3000)
    assert votes.fleiss_kappa(chance).kappa == pytest.approx(0.0, abs=0.01)
    assert math.isnan(votes.fleiss_kappa([[4, 0], [4, 0]]).kappa)


def test_the_likelihood_of_all_vote_sequences_sums_to_one() -> None:
    counts = np.array([[k, j, 4 - k - j] for k in range(5) for j in range(5 - k)])
    ways = np.exp(special.gammaln(5) - special.gammaln(counts + 1).sum(1))
    assert (ways * np.exp(votes.log_likelihood([0.7, 2.0, 1.1], counts))).sum() == pytest.approx(1.0, abs=1e-12)


def test_the_fit_finds_the_source_and_no_neighbour_is_likelier() -> None:
    draw = np.random.default_rng(5)
    source = np.array([2.0, 0.6, 1.2])
    counts = np.array([draw.multinomial(12, p) for p in draw.dirichlet(source, 3000)])
    fit = votes.fit_dirichlet_multinomial(counts)
    np.testing.assert_allclose(fit.alpha, source, rtol=0.1)
    for step in (1e-3, -1e-3):
        for unit in np.eye(3):
            assert votes.log_likelihood(fit.alpha * np.exp(step * unit), counts).sum() < fit.log_likelihood


def test_the_best_scores_are_the_means_over_posterior_draws() -> None:
    alpha, counts = np.array([1.5, 0.7, 1.0]), np.array([[4, 3, 1], [0, 2, 2]])
    draw = np.random.default_rng(6)
    for row, ce, accuracy in zip(
        counts, votes.best_cross_entropy(alpha, counts), votes.best_accuracy(alpha, counts), strict=True
    ):
        p = draw.dirichlet(alpha + row, 400_000)
        assert ce == pytest.approx(-(row / row.sum() * np.log(p)).sum(1).mean(), abs=0.01)
        assert accuracy == pytest.approx((p.argmax(1) == row.argmax()).mean(), abs=0.005)
        assert float(votes.fresh_entropy(alpha + row)) == pytest.approx(special.entr(p).sum(1).mean(), abs=0.003)


def test_the_largest_class_is_drawn_as_the_symmetry_of_alpha_demands() -> None:
    np.testing.assert_allclose(votes.argmax_probabilities(np.full((2, 4), 0.8)), 0.25, atol=1e-9)
    two = votes.argmax_probabilities([2.3, 0.9])
    nearly = votes.argmax_probabilities([2.3, 0.9, 0.2])
    assert two.sum() == pytest.approx(1.0)
    assert nearly[0] < two[0]
    by_integral = np.array([votes._largest(np.array([2.3, 0.9]), k) for k in (0, 1)])
    np.testing.assert_allclose(by_integral, two, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: votes.vote_shares([[1, 2], [0, 0]]), r"votes per item must be above 0, got 0 at \(1, 0\).*drop items"),
        (lambda: votes.vote_shares([]), r"votes needs the shape \(\.\.\., classes >= 1\), got \(0,\)"),
        (lambda: votes.vote_shares([1, -2]), "votes must be at least 0, got -2 at 1"),
        (lambda: votes.vote_shares([1, math.nan]), "votes must be finite, got nan at 1"),
        (lambda: votes.soft_cross_entropy([0.5, 0.5], [1.0]), "prediction needs 2 probabilities"),
        (lambda: votes.soft_cross_entropy([0.5, 0.6], [0.5, 0.5]), "shares must sum to 1"),
        (lambda: votes.fleiss_kappa([[3, 0], [1, 1]]), "same number of raters, at least 2, for each item, got 2 to 3"),
        (lambda: votes.fleiss_kappa([[1, 0], [0, 1]]), "at least 2, for each item, got 1 to 1"),
        (lambda: votes.fleiss_kappa([3, 1]), r"votes needs the shape \(\.\.\., items >= 1, classes >= 1\), got \(2,\)"),
        (lambda: votes.fleiss_kappa([[[3, 1]]]), r"votes needs the shape \(1, 2\) \(items, classes\), got \(1, 1, 2\)"),
        (
            lambda: votes.log_likelihood([1, 0], [[1, 2]]),
            "alpha must be above 0, got 0 at 1 .*; every class needs a prior",
        ),
        (lambda: votes.log_likelihood([1, 1, 1], [[1, 2]]), "alpha needs 2 numbers on its last axis"),
        (lambda: votes.fit_dirichlet_multinomial([[3, 1, 0], [1, 1, 0]]), r"classes \[2\] have no votes"),
        (lambda: votes.fit_dirichlet_multinomial([[3, 0], [0, 3]]), "every item is unanimous or has one vote"),
        (lambda: votes.fit_dirichlet_multinomial([[5, 5]] * 4), "differ no more than chance"),
        (lambda: votes.best_accuracy([1, 1], [0, 0]), "votes per item must be above 0"),
        (lambda: votes.fresh_entropy(1.0), r"alpha needs the shape \(\.\.\., classes >= 2\), got \(\)"),
        (lambda: votes.argmax_probabilities([1e-4, 1e-4, 1e-4]), "sum to 1 only within"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
