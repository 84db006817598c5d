"""Views, scores and break-even points of acts, against plain definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from redheart_core import DataError
from redheart_core.exact import choice
from redheart_core.exact.regret import decide

PAYOFFS = np.array([[5.0, -4.0, 0.0], [1.0, 1.0, 1.0], [3.0, -1.0, 2.0]])
CHANCES = np.array([0.5, 0.3, 0.2])


def test_a_quantile_is_the_least_value_that_enough_probability_does_not_exceed() -> None:
    found = choice.quantiles(PAYOFFS, CHANCES)
    for row, views in zip(PAYOFFS, found, strict=True):
        for view, at in zip(views, choice.VIEWS, strict=True):
            reached = [value for value in row if CHANCES[row <= value].sum() >= at - 1e-12]
            assert view == min(reached)
    assert found[0].tolist() == [5.0, 0.0, -4.0]


def test_a_quantile_at_a_sum_of_probabilities_is_the_value_there() -> None:
    tenths = np.full(10, 0.1)
    assert choice.quantiles(np.arange(10.0), tenths).tolist() == [8.0, 4.0, 0.0]


def test_sums_of_uncertain_values_are_all_their_combinations() -> None:
    values, certainty = np.array([2.0, -1.0, 4.0, 8.0]), np.array([0.5, 0.25, 1.0, 0.0])
    sums, chances = choice.sum_of_chances(values, certainty)
    expected = {}
    for there in itertools.product((0, 1), repeat=2):
        chance = np.prod([c if t else 1 - c for t, c in zip(there, certainty[:2], strict=True)])
        expected[4.0 + float(np.dot(there, values[:2]))] = chance
    assert dict(zip(sums.tolist(), chances.tolist(), strict=True)) == pytest.approx(expected)
    assert float(sums @ chances) == pytest.approx(float(values @ certainty))
    none = choice.sum_of_chances(np.zeros(0), np.zeros(0))
    assert (none[0].tolist(), none[1].tolist()) == ([0.0], [1.0])
    with pytest.raises(DataError, match="at most 16 lots of an act may be uncertain, got 17"):
        choice.sum_of_chances(np.ones(17), np.full(17, 0.5))


def test_counterfactual_regret_counts_what_is_better_elsewhere_alone() -> None:
    found = choice.counterfactual_regret(PAYOFFS, CHANCES)
    for a, b in itertools.product(range(3), repeat=2):
        better = np.maximum(PAYOFFS[b] - PAYOFFS[a], 0.0)
        assert found[a, b] == pytest.approx(float(CHANCES @ better))
    utility = decide(PAYOFFS, CHANCES).expected_utility
    np.testing.assert_allclose(found - found.T, utility[None, :] - utility[:, None])


def test_scores_are_weighted_means_of_criteria_between_worst_and_best() -> None:
    criteria = np.array([[3.0, 1.0, 7.0], [1.0, 2.0, 7.0], [2.0, 5.0, 7.0]])
    assert choice.standardised(criteria).tolist() == [[1.0, 0.0, 0.0], [0.0, 0.25, 0.0], [0.5, 1.0, 0.0]]
    np.testing.assert_allclose(choice.scores(criteria, [1.0, 3.0, 0.0]), [0.25, 0.1875, 0.875])
    with pytest.raises(DataError, match="the weights of the criteria are all 0"):
        choice.scores(criteria, [0.0, 0.0, 0.0])


@pytest.mark.parametrize("seed", range(20))
def test_at_its_break_even_weight_another_act_is_level_and_beyond_it_ahead(seed: int) -> None:
    draw = np.random.default_rng(seed)
    criteria, weights = draw.normal(size=(4, 3)), draw.random(3)
    first = int(choice.scores(criteria, weights).argmax())
    for place in range(3):
        found = choice.weight_break_even(criteria, weights, place, first)
        if found is None:
            ends = [np.where(np.arange(3) == place, value, weights) for value in (0.0, 1e9)]
            assert all(int(choice.scores(criteria, end).argmax()) == first for end in ends)
            continue
        varied = np.where(np.arange(3) == place, found.value, weights)
        level = choice.scores(criteria, varied)
        assert level[found.act] == pytest.approx(level[first], abs=1e-9)
        nearer = np.where(np.arange(3) == place, weights[place] + 0.99 * (found.value - weights[place]), weights)
        assert int(choice.scores(criteria, nearer).argmax()) == first


@pytest.mark.parametrize("seed", range(20))
def test_at_its_break_even_probability_another_act_is_as_good_and_before_it_none_is(seed: int) -> None:
    draw = np.random.default_rng(seed)
    payoffs, chances = draw.normal(size=(3, 3)), draw.dirichlet(np.ones(3))
    first = int((payoffs @ chances).argmax())
    for state in range(3):
        found = choice.probability_break_even(payoffs, chances, state, first)

        def utilities(own: float, state: int = state) -> np.ndarray:
            rest = np.where(np.arange(3) == state, 0.0, chances)
            return np.asarray(payoffs @ (rest / rest.sum() * (1 - own) + own * (np.arange(3) == state)))

        if found is None:
            assert all(int(utilities(own).argmax()) == first for own in (0.0, 1.0))
            continue
        level = utilities(found.value)
        assert level[found.act] == pytest.approx(level[first], abs=1e-9)
        assert int(utilities(chances[state] + 0.99 * (found.value - chances[state])).argmax()) == first


def test_what_is_certain_has_no_break_even_probability() -> None:
    assert choice.probability_break_even([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], 0, 0) is None


def test_shares_of_the_first_place_are_those_of_the_draws() -> None:
    assert choice.first_shares([[1.0, 0.0], [2.0, 3.0], [1.0, 1.0], [4.0, 1.0]]).tolist() == [0.75, 0.25]
