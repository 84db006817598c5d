"""Shapley values have the properties that define them, and those of games with known ones."""

from __future__ import annotations

import numpy as np
import pytest

from redheart_core.exact.shapley import shapley_values


def game(worth: dict[frozenset[int], float], parts: int) -> np.ndarray:
    """One column: the worth of the set of each row."""
    rows = [frozenset(i for i in range(parts) if number >> i & 1) for number in range(1 << parts)]
    return np.array([[worth[row]] for row in rows])


def test_of_three_gloves_the_one_that_both_others_need_is_worth_four_times_as_much() -> None:
    """The glove game: a pair is worth 1, part 0 is the left glove and 1 and 2 are right ones."""
    worth = {
        frozenset(some): float(0 in some and len(some) > 1)
        for some in [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    }
    assert shapley_values(game(worth, 3)).ravel() == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-15)


@pytest.mark.parametrize("parts", [1, 2, 5, 8])
def test_the_values_sum_to_the_worth_of_all_above_that_of_none(parts: int) -> None:
    worth = np.random.default_rng(parts).normal(size=(1 << parts, 4))
    assert shapley_values(worth).sum(0) == pytest.approx(worth[-1] - worth[0], abs=1e-12)


def test_parts_that_add_the_same_to_every_set_get_just_that() -> None:
    adds = np.array([0.5, -2.0, 0.0, 3.0])
    worth = np.array([[7.0 + sum(adds[i] for i in range(4) if number >> i & 1)] for number in range(16)])
    assert shapley_values(worth).ravel() == pytest.approx(adds, abs=1e-12)


def test_parts_that_are_alike_get_the_same() -> None:
    worth = np.array([[float(number.bit_count() ** 2)] for number in range(32)])
    assert shapley_values(worth).ravel() == pytest.approx(np.full(5, 5.0), abs=1e-12)


def test_a_table_that_misses_a_set_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2\*\*n rows, got 7"):
        shapley_values(np.zeros((7, 1)))
