"""Greedy choice of what is mixed: the same rule for one group's epochs and for epochs of all groups."""

from __future__ import annotations

from collections.abc import Sequence

from redheart_core.selection.methods import GREEDY, keep_greedily


def test_a_candidate_stays_if_the_mix_gets_better_by_it() -> None:
    """Numbers whose mean should be 1: 2 is best alone, 0 repairs it, -2 and 6 repair nothing that is left."""
    tried: list[list[float]] = []

    def loss(mix: Sequence[float]) -> float:
        tried.append(list(mix))
        return abs(sum(mix) / len(mix) - 1)

    assert keep_greedily([2.0, -2.0, 0.0, 6.0], loss) == [2.0, 0.0]
    assert tried == [[2.0], [2.0, -2.0], [2.0, 0.0], [2.0, 0.0, 6.0]]


def test_one_that_changes_nothing_is_left_out_and_no_more_than_the_first_ones_are_tried() -> None:
    assert keep_greedily([1, 1, 1], lambda mix: 1.0) == [1]
    assert keep_greedily(list(range(GREEDY + 3)), lambda mix: -len(mix)) == list(range(GREEDY))
    assert keep_greedily([7], lambda mix: 0.0) == [7]
