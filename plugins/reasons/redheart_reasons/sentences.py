"""What each part of a text adds to an answer, and which parts it hangs on.

The worth of some parts of a text is what the model answers to them alone; that of no part is the mean over the training
records, which is what one says of a text that one has not read. What a part adds is its Shapley value, computed from
all sets of parts, so that the contributions sum to the answer's difference from the mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from redheart_core import ExplainedAnswer, ExplainedText, Reason, ReasonRow
from redheart_core.data.sentences import sentence_spans
from redheart_core.exact.shapley import shapley_values

MOST_PARTS = 8
"""Of a text; the number of sets doubles with each."""


def explain(text: ExplainedText) -> list[Reason]:
    """Of each number of each answer whose mean over the training records is known.

    The worth of a set of parts of which the encoder knows nothing is that mean too.
    """
    parts = [text.text[start:end] for start, end in part_spans(text.text)]
    said = text.of_texts([_joined(parts, number) for number in range(1, (1 << len(parts)) - 1)])
    return [reason for name, answer in text.answers.items() for reason in _reasons(answer, said[name], parts)]


def _reasons(answer: ExplainedAnswer, said: NDArray[np.float64], parts: Sequence[str]) -> Iterator[Reason]:
    worth = np.vstack([answer.usual, np.where(np.isnan(said), answer.usual, said), answer.value])
    contributions = shapley_values(worth)
    for place, label in enumerate(answer.field.elements):
        if not np.isnan(answer.usual[place]):
            rows = zip(parts, contributions[:, place].tolist(), strict=True)
            yield Reason(
                field=answer.field.name,
                label=label,
                usual=float(answer.usual[place]),
                value=float(answer.value[place]),
                rows=tuple(ReasonRow(part, adds) for part, adds in rows),
                turning=_turning(worth[:, place], answer, place),
            )


def part_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Beginning and end of the parts of a text: its sentences, or its words where it is one; at most MOST_PARTS."""
    spans = tuple(sentence_spans(text))
    if len(spans) < 2:
        spans = tuple(_words(text))
    ends = [round(len(spans) * number / MOST_PARTS) for number in range(MOST_PARTS + 1)]
    if len(spans) <= MOST_PARTS:
        return spans
    return tuple((spans[first][0], spans[last - 1][1]) for first, last in itertools.pairwise(ends))


def _words(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for word in text.split():
        start = text.index(word, start)
        yield start, start + len(word)
        start += len(word)


def _joined(parts: Sequence[str], number: int) -> str:
    """The parts of a set, of which bit i of its number says whether part i is in it."""
    return " ".join(part for place, part in enumerate(parts) if number >> place & 1)


def _turning(worth: NDArray[np.float64], answer: ExplainedAnswer, place: int) -> tuple[int, ...] | None:
    """The fewest parts without which a number turns; of several the most telling."""
    parts, value = len(worth).bit_length() - 1, float(answer.value[place])
    for size in range(1, parts):
        turned = [
            (abs(worth[_without(gone, parts)] - value), gone)
            for gone in itertools.combinations(range(parts), size)
            if _turns(float(worth[_without(gone, parts)]), answer, place)
        ]
        if turned:
            return max(turned)[1]
    return None


def _turns(number: float, answer: ExplainedAnswer, place: int) -> bool:
    """Whether a number is on the other side of the label's threshold, or outside of the answer's interval."""
    threshold, (low, high) = answer.threshold[place], answer.between[:, place]
    if not np.isnan(threshold):
        return bool((number >= threshold) != (answer.value[place] >= threshold))
    return bool(number < low or number > high)


def _without(gone: Sequence[int], parts: int) -> int:
    return (1 << parts) - 1 - sum(1 << place for place in gone)
