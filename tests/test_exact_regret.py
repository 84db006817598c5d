"""Regret: vectors R1-R17 by hand, and its invariants."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize, special

from redheart_core import DataError
from redheart_core.exact import regret
from redheart_core.exact.regret_of_votes import fit_bradley_terry, vote_regret
from redheart_core.exact.regret_over_time import crossing_time, fading_intensity, fading_total, present_value

U = [[8, 1, 4], [5, 5, 5], [2, 9, 3]]
P = (0.5, 0.3, 0.2)
LN2 = math.log(2.0)
CYCLE = [[1, 2, 3], [2, 3, 1], [3, 1, 2]]
R13 = [[0, 5, 3], [10, 0, 5], [12, 10, 0]]
MARGIN = 0.425486006853

decision = regret.decide(U, P)
mixed = regret.mixed_minimax(U)
VECTORS: list[tuple[str, Callable[[], Any], Any]] = [
    ("R1", lambda: regret.regret_matrix(U), [[0, 8, 1], [3, 4, 0], [6, 0, 2]]),
    ("R2", lambda: (decision.expected_utility, decision.expected_regret), [[5.1, 5.0, 4.3], [2.6, 2.7, 3.4]]),
    ("R3", lambda: decision.perfect_information, 2.6),
    ("R4", lambda: [decision.minimax_act + 1, *decision.largest_regret], [2, 8, 4, 6]),
    ("R5", lambda: [*mixed.weights, mixed.value], [0, 6 / 7, 1 / 7, 24 / 7]),
    (
        "R6",
        lambda: [*(a := regret.adjusted_utility(U, P, 0.05)), a.argmax() + 1, decision.best_act + 1],
        [4.13, 4.535, 3.36, 2, 1],
    ),
    (
        "R7",
        lambda: regret.regret_matrix(U)[2, 0],
        6,
    ),
    ("R8", lambda: regret.skew_utility([1, 2], 0.5, 1), [2.175201193644, 5.626860407847]),
    (
        "R9",
        lambda: [*regret.preference_matrix(CYCLE, [1 / 3] * 3, 0.5, 1), regret.expectation(CYCLE, [1 / 3] * 3)],
        [[0, MARGIN, -MARGIN], [-MARGIN, 0, MARGIN], [MARGIN, -MARGIN, 0], [2, 2, 2]],
    ),
    ("R10", lambda: present_value([3, 2, 1], 0.9), 5.61),
    (
        "R11",
        lambda: (
            t := crossing_time(1.5, 1, 0.2, 0.05),
            fading_intensity(1.5, 0.2, t),
            fading_intensity(1, 0.05, t),
        ),
        [2.703100720721, 0.873580464736, 0.873580464736],
    ),
    ("R12", lambda: fading_total([1.5, 1], [0.2, 0.05]), [7.5, 20]),
    (
        "R13",
        lambda: [(fit := fit_bradley_terry(R13)).theta, fit.logit_regret],
        [[-LN2, 0, LN2], [2 * LN2, LN2, 0]],
    ),
    ("R14", lambda: fit_bradley_terry(R13).probability_regret, [0.3, 1 / 6, 0]),
    (
        "R15",
        lambda: ((v := vote_regret(7, 3, smoothed=False)).logit_gap, v.probability_gap),
        [0.847297860387, 0.2],
    ),
    ("R16", lambda: ((v := vote_regret(7, 3)).share, v.logit_gap), [15 / 22, 0.762140052047]),
    (
        "R17",
        lambda: fit_bradley_terry([[0, 7, 2], [3, 0, 6], [8, 4, 0]]).theta,
        [-0.135155036, -0.135155036, 0.270310072],
    ),
]


@pytest.mark.parametrize(("value", "expected"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any) -> None:
    np.testing.assert_allclose(np.array(value(), dtype=float), expected, rtol=0, atol=1e-9)


def drawn(seed: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(7, 4, 5)), draw.dirichlet(np.ones(5), 7)


def test_a_batch_holds_what_loops_over_acts_and_states_give() -> None:
    payoffs, p = drawn(1)
    found = regret.decide(payoffs, p)
    for b in range(7):
        matrix = [[max(payoffs[b][k][s] for k in range(4)) - payoffs[b][a][s] for s in range(5)] for a in range(4)]
        expected = [math.fsum(p[b][s] * matrix[a][s] for s in range(5)) for a in range(4)]
        np.testing.assert_allclose(found.regret[b], matrix, atol=1e-14)
        np.testing.assert_allclose(found.expected_regret[b], expected, atol=1e-14)
        assert found.minimax_act[b] == min(range(4), key=lambda a: max(matrix[a]))


def test_regret_is_at_least_zero_with_a_zero_in_every_state_for_its_best_act() -> None:
    payoffs, _ = drawn(2)
    matrix = regret.regret_matrix(payoffs)
    assert matrix.min() == 0.0
    assert (np.take_along_axis(matrix, payoffs.argmax(1, keepdims=True), 1) == 0).all()


def test_a_shift_of_a_state_changes_nothing_and_a_scale_scales() -> None:
    payoffs, _ = drawn(3)
    matrix = regret.regret_matrix(payoffs)
    np.testing.assert_allclose(regret.regret_matrix(payoffs + np.arange(5.0)), matrix, atol=1e-14)
    np.testing.assert_allclose(regret.regret_matrix(4 * payoffs), 4 * matrix, atol=1e-14)


def test_differences_of_expected_regret_are_those_of_utility_and_the_least_is_perfect_information() -> None:
    payoffs, p = drawn(4)
    found = regret.decide(payoffs, p)
    total = found.expected_regret + found.expected_utility
    np.testing.assert_allclose(total, np.repeat(total[:, :1], 4, 1), atol=1e-13)
    informed = (p * payoffs.max(1)).sum(1) - found.expected_utility.max(1)
    np.testing.assert_allclose(found.perfect_information, informed, atol=1e-13)
    assert (found.best_act == found.expected_regret.argmin(1)).all()


def test_a_dominated_act_leaves_the_other_rows_alone() -> None:
    payoffs, _ = drawn(5)
    worse = payoffs.min(1, keepdims=True) - 1.0
    matrix = regret.regret_matrix(np.concatenate([payoffs, worse], 1))
    np.testing.assert_array_equal(matrix[:, :4], regret.regret_matrix(payoffs))


def test_impossible_acts_count_nowhere() -> None:
    payoffs, p = drawn(6)
    possible = np.ones((7, 4), bool)
    possible[:, 1] = False
    holed = payoffs.copy()
    holed[:, 1] = np.nan
    found, alone = regret.decide(holed, p, possible), regret.decide(np.delete(payoffs, 1, 1), p)
    assert np.isnan(found.expected_regret[:, 1]).all()
    np.testing.assert_array_equal(np.delete(found.regret, 1, 1), alone.regret)
    np.testing.assert_array_equal(found.perfect_information, alone.perfect_information)
    assert (found.minimax_act == np.array([0, 2, 3])[alone.minimax_act]).all()


def test_no_other_mixture_has_a_smaller_largest_regret() -> None:
    draw = np.random.default_rng(7)
    for _ in range(5):
        payoffs = 1000 * draw.normal(size=(3, 4))
        best, matrix = regret.mixed_minimax(payoffs), regret.regret_matrix(payoffs)
        assert best.weights.sum() == pytest.approx(1.0)
        assert best.value == pytest.approx((best.weights @ matrix).max())
        others = (draw.dirichlet(np.ones(3), 4000) @ matrix).max(1)
        assert others.min() >= best.value * (1 - 1e-9)
        assert others.min() <= best.value * 1.1


def test_acts_that_are_all_the_same_have_no_regret() -> None:
    assert regret.mixed_minimax([[1, 2], [1, 2]]).value == 0.0


def test_experienced_regret_averages_to_the_expected_one_and_the_resolvable_is_smaller() -> None:
    payoffs, p = drawn(8)
    likelihood = np.random.default_rng(8).dirichlet(np.ones(3), (7, 5))
    found = regret.regret_after_signal(payoffs, p, likelihood)
    mean = (found.experienced * found.signal_probability[:, None, :]).sum(-1)
    np.testing.assert_allclose(mean, regret.decide(payoffs, p).expected_regret, atol=1e-12)
    assert (found.resolvable <= found.experienced + 1e-12).all()
    assert (found.resolvable < found.experienced - 1e-3).any()


def test_full_feedback_gives_the_regret_matrix() -> None:
    found = regret.regret_after_signal(U, P, np.eye(3))
    np.testing.assert_allclose(found.experienced, regret.regret_matrix(U))
    np.testing.assert_allclose(found.resolvable, regret.regret_matrix(U))


def test_preferences_are_skew_symmetric_and_without_regret_those_of_expected_utility() -> None:
    payoffs, p = drawn(9)
    matrix = regret.preference_matrix(payoffs, p, 0.7, 1.3)
    np.testing.assert_allclose(matrix, -matrix.swapaxes(1, 2), atol=1e-12)
    utility = regret.decide(payoffs, p).expected_utility
    plain = regret.preference_matrix(payoffs, p, 0.0, 1.0)
    np.testing.assert_allclose(plain, utility[:, :, None] - utility[:, None], atol=1e-12)


def test_the_skew_utility_is_that_of_the_exponential_regret_function() -> None:
    x = np.linspace(-2, 2, 9)
    g, beta = 0.4, 1.7
    by_definition = x + g * (1 - np.exp(-beta * x)) - g * (1 - np.exp(beta * x))
    np.testing.assert_allclose(regret.skew_utility(x, g, beta), by_definition, atol=1e-12)


def test_a_linear_penalty_never_changes_the_ranking() -> None:
    payoffs, p = drawn(10)
    adjusted = regret.adjusted_utility(payoffs, p, 0.8, penalty=lambda r: r)
    assert (np.argsort(adjusted) == np.argsort(regret.decide(payoffs, p).expected_utility)).all()


def test_the_fading_total_is_the_discounted_integral() -> None:
    by_quadrature = integrate.quad(lambda t: 1.5 * math.exp(-0.2 * t) * math.exp(-0.03 * t), 0, np.inf)[0]
    assert float(fading_total(1.5, 0.2, 0.03)) == pytest.approx(by_quadrature, abs=1e-8)


def test_bradley_terry_is_what_a_general_optimiser_finds() -> None:
    wins = np.random.default_rng(11).integers(1, 20, (5, 5)) * (1 - np.eye(5, dtype=int))

    def loss(theta: Any) -> float:
        return -float((wins * special.log_expit(theta[:, None] - theta)).sum())

    expected = optimize.minimize(loss, np.zeros(5), method="BFGS").x
    np.testing.assert_allclose(fit_bradley_terry(wins).theta, expected - expected.mean(), atol=1e-5)


def test_bradley_terry_meets_its_likelihood_equations_also_for_lopsided_counts() -> None:
    for wins in ([[0, 10**6, 1], [1, 0, 10**6], [1, 1, 0]], [[0, 1e-3, 0], [0, 0, 1e-3], [1e-3, 0, 0]]):
        fit, counts = fit_bradley_terry(wins), np.array(wins)
        expected = ((counts + counts.T) * fit.probability).sum(1)
        np.testing.assert_allclose(expected, counts.sum(1), rtol=1e-7)


def test_bradley_terry_ignores_a_common_scale_and_follows_a_relabelling() -> None:
    wins = np.array([[0, 7, 2], [3, 0, 5], [8, 4, 0]])
    theta = fit_bradley_terry(wins).theta
    np.testing.assert_allclose(fit_bradley_terry(50 * wins).theta, theta, atol=1e-12)
    for order in map(list, itertools.permutations(range(3))):
        moved = fit_bradley_terry(wins[np.ix_(order, order)]).theta
        np.testing.assert_allclose(moved, theta[order], atol=1e-12)


def test_a_vote_between_two_is_bradley_terry_of_two() -> None:
    votes, fit = vote_regret(7, 3, smoothed=False), fit_bradley_terry([[0, 7], [3, 0]])
    assert float(votes.logit_gap) == pytest.approx(fit.logit_regret[1], abs=1e-12)
    assert float(votes.probability_gap) == pytest.approx(fit.probability_regret[1], abs=1e-12)


def test_a_smoothed_unanimous_vote_is_finite_and_symmetric() -> None:
    votes = vote_regret([9, 0], [0, 9])
    np.testing.assert_allclose(votes.logit_gap, [math.log(19)] * 2)
    np.testing.assert_allclose(votes.share, [0.95, 0.05])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regret.regret_matrix([[1, math.nan]]), "payoffs must be finite, got nan .*name impossible acts"),
        (lambda: regret.regret_matrix([]), r"payoffs needs the shape \(\.\.\., acts >= 1, states >= 1\), got \(0,\)"),
        (lambda: regret.regret_matrix([[1, 2], [3]]), "payoffs must be numbers in a rectangular array"),
        (lambda: regret.regret_matrix(U, [True]), r"possible needs booleans of shape \(3,\), got bool \(1,\)"),
        (lambda: regret.regret_matrix(U, [False] * 3), "at least one possible act"),
        (lambda: regret.decide(U, (0.5, 0.5)), r"state probabilities needs 3 probabilities .*got \(1, 2\)"),
        (lambda: regret.decide(U, (0.5, 0.3, 0.3)), "state probabilities must sum to 1, got the sum 1.1"),
        (lambda: regret.decide(U, (1.5, -0.5, 0.0)), "must be at least 0, got -0.5"),
        (lambda: regret.mixed_minimax([U, U]), r"one table \(acts, states\), got \(2, 3, 3\)"),
        (lambda: regret.regret_after_signal(U, P, [[1, 0]] * 3), r"a signal never comes \(P\(y\) = 0\)"),
        (lambda: regret.regret_after_signal(U, P, np.eye(2)), "one row for each of 3 states"),
        (
            lambda: crossing_time(1.0, 1.5, 0.2, 0.05),
            "action_weight / inaction_weight must be at least 1",
        ),
        (lambda: crossing_time(1.5, 1.0, 0.05, 0.2), "action_rate - inaction_rate must be above 0"),
        (lambda: vote_regret(0, 0), "sum of the votes must be above 0, got 0; drop pairs"),
        (
            lambda: vote_regret(3, 0, smoothed=False),
            "unanimous votes have an infinite logit gap; use smoothed",
        ),
        (
            lambda: fit_bradley_terry([[0, 3, 1], [0, 0, 2], [0, 1, 0]]),
            r"groups \[\[.*\]\] do not all beat",
        ),
        (lambda: fit_bradley_terry([[1, 2], [2, 0]]), "0 on its diagonal"),
        (
            lambda: fit_bradley_terry([[0, 2, 1], [2, 0, 1]]),
            r"wins needs the shape \(K, K\).*got \(2, 3\)",
        ),
        (lambda: fading_total(1.0, 0.0), r"rate \+ rho must be above 0"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
