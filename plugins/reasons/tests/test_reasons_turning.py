"""What an answer hangs on: the smallest removal of sentences that turns it, beside a search over all removals."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import ExplainedAnswer, Field
from redheart_reasons.sentences import explain, part_spans

SENTENCES = ("The boat sank.", "My aunt laughed.", "Nobody paid.", "It rained again.", "We left early.")
RATING = Field("rating", "how it is rated", 0.0, 1.0)
LABELS = Field("labels", "1 for each label", 0.0, 1.0, labels=("good", "bad"), binary=True)
NONE = np.full((2, 2), np.nan)


@attrs.frozen(eq=False)
class Toy:
    """A text of five sentences, and what is answered to some of them, which a table says."""

    worth: Mapping[frozenset[str], NDArray[Any]]
    """Set of sentences to a number for the rating and for each label."""
    interval: tuple[float, float]
    thresholds: tuple[float, float]
    text: str = " ".join(SENTENCES)

    @property
    def answers(self) -> Mapping[str, ExplainedAnswer]:
        value = self.worth[frozenset(SENTENCES)]
        between = np.array(self.interval).reshape(2, 1)
        return {
            "rating": ExplainedAnswer(RATING, value[:1], np.array([0.5]), between, NONE[0, :1], {}),
            "labels": ExplainedAnswer(LABELS, value[1:], np.full(2, 0.5), NONE, np.array(self.thresholds), {}),
        }

    def of_texts(self, texts: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        found = np.array([self.worth[frozenset(one for one in SENTENCES if one in text)] for text in texts])
        return {"rating": found[:, :1], "labels": found[:, 1:]}

    def of_members(self, field: str, members: NDArray[Any]) -> NDArray[Any]:
        raise NotImplementedError

    def turned(self, place: int, kept: frozenset[str]) -> tuple[bool, float]:
        """Whether the answer to some sentences is another one, and how far it is off."""
        value = self.worth[frozenset(SENTENCES)][place]
        number = self.worth[kept][place]
        number = 0.5 if np.isnan(number) else number  # the encoder knows nothing of them: the usual
        if place == 0:
            return not self.interval[0] <= number <= self.interval[1], abs(number - value)
        threshold = self.thresholds[place - 1]
        return bool((number < threshold) != (value < threshold)), abs(number - value)

    def searched(self, place: int) -> set[tuple[int, ...] | None]:
        """The same by a search over all sets that leave a sentence: the fewest, of equally few the most telling.

        Several where the answer is equally far off without each.
        """
        found: dict[tuple[int, float], set[tuple[int, ...] | None]] = {}
        for stays in itertools.product((False, True), repeat=len(SENTENCES)):
            kept = frozenset(one for one, stay in zip(SENTENCES, stays, strict=True) if stay)
            gone = tuple(number for number, stay in enumerate(stays) if not stay)
            turned, off = self.turned(place, kept) if kept else (False, 0.0)
            if gone and turned:
                found.setdefault((len(gone), -off), set()).add(gone)
        return found[min(found)] if found else {None}


def toy(seed: int) -> Toy:
    """Numbers that sentences add to, some more than others, with some noise for each set, and sets that are unknown."""
    draws = np.random.default_rng(seed)
    adds = draws.normal(size=(len(SENTENCES), 3)) * draws.uniform(0.0, 0.3, 3)
    worth = {}
    for stays in itertools.product((0, 1), repeat=len(SENTENCES)):
        number = np.clip(0.5 + np.array(stays) @ adds + draws.normal(size=3) * 0.05, 0.0, 1.0)
        known = all(stays) or draws.uniform() > 0.1
        worth[frozenset(itertools.compress(SENTENCES, stays))] = number if known else np.full(3, np.nan)
    value = worth[frozenset(SENTENCES)][0]
    room = draws.uniform(0.02, 0.6)
    return Toy(worth, (value - room, value + room / 2), tuple(draws.uniform(0.2, 0.8, 2).tolist()))


def test_the_smallest_removal_is_that_of_a_search_over_all_sets_of_sentences() -> None:
    sizes = set()
    for seed in range(200):
        given = toy(seed)
        found = [one.turning for one in explain(given)]
        assert all(one in given.searched(place) for place, one in enumerate(found)), seed
        sizes |= {None if one is None else len(one) for one in found}
    assert sizes == {None, 1, 2, 3, 4}


@pytest.mark.parametrize("place", range(3))
def test_nothing_smaller_turns_the_answer(place: int) -> None:
    for seed in range(50):
        given = toy(seed)
        turning = explain(given)[place].turning
        for size in range(len(SENTENCES) if turning is None else len(turning)):
            for gone in itertools.combinations(SENTENCES, size):
                assert not given.turned(place, frozenset(SENTENCES) - set(gone))[0]


def test_the_toy_has_as_many_parts_as_sentences() -> None:
    assert len(part_spans(toy(0).text)) == len(SENTENCES)
