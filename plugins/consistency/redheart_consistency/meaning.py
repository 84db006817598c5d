"""Numbers beside what they mean: ranges, shares with the sum 1, and an order between labels, ends or fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redheart_core import Field, LayerTexts

SLACK = 5e-5
"""Smaller breaches are none: numbers are given in single precision."""
FALLING: tuple[str, ...] = ("regret_course",)
"""Fields whose numbers never rise from label to label: regret fades, after some acts not at all."""
QUANTILE = re.compile(r"[pq](\d+)")
"""A label that names a quantile, such as q10; the numbers of a field's quantiles rise with them."""
AT_MOST: tuple[tuple[str, str], ...] = (("act_regret", "act_max_regret"),)
"""Fields of which the first is nowhere above the second: an expected regret and the largest."""


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The largest breach, in units of the range; 0 of none, NaN of a text without answers."""
    found = [breaches for _, _, breaches in _breaches(texts)]
    worst = _worst(np.concatenate([np.empty((len(texts.texts), 0)), *found], axis=1))
    return np.where(worst < SLACK, 0.0, worst)


def notes(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Of each text what is broken most, and by how much."""
    found = [(name, what, _worst(breaches)) for name, what, breaches in _breaches(texts)]
    return [_note(found, number) for number in range(len(texts.texts))]


def _breaches(texts: LayerTexts) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Field, what it breaks, and by how much each text's numbers do, (N, K); below 0 those that do not."""
    for name, answers in texts.answers.items():
        numbers, field = answers.answer, answers.field
        low, high = (0.0, 1.0) if field.binary or field.simplex or field.counts else (field.low, field.high)
        scale = _scale(field)
        yield name, f"leaves {low:g} to {high:g}", np.maximum(low - numbers, numbers - high) / scale
        if field.simplex or field.counts:
            shares = numbers.reshape(len(numbers), -1, len(field.labels))
            yield name, "does not sum to 1", np.abs(shares.sum(2) - 1.0)
        low_end, high_end = answers.between
        yield name, "is outside of its own interval", np.maximum(low_end - numbers, numbers - high_end) / scale
        if not field.axes and (quantiles := _quantiles(field.labels)):
            yield name, "has quantiles out of order", -np.diff(numbers[:, quantiles], axis=1) / scale
        if name in FALLING:
            yield name, "rises where it has to fall", np.diff(numbers, axis=1) / scale
    for lower, upper in AT_MOST:
        if lower in texts.answers and upper in texts.answers:
            below, above = texts.answers[lower], texts.answers[upper]
            yield lower, f"is above {upper}", (below.answer - above.answer) / _scale(below.field)


@lru_cache(256)
def _quantiles(labels: tuple[str, ...]) -> list[int]:
    """Places of labels that name quantiles, the lowest first; none of a field with less than two."""
    named = {place: QUANTILE.fullmatch(label) for place, label in enumerate(labels)}
    found = {place: int(match[1]) for place, match in named.items() if match}
    return sorted(found, key=lambda place: found[place]) if len(found) > 1 else []


def _worst(breaches: NDArray[Any]) -> NDArray[Any]:
    """The largest of each text, (N, K) to (N,), at least 0; NaN where all are missing."""
    return np.asarray(np.maximum(np.fmax.reduce(breaches, axis=1, initial=np.nan), 0.0))


def _scale(field: Field) -> float:
    """The width of a field's range; 1 of one without an end."""
    width = 1.0 if field.binary or field.simplex or field.counts else field.high - field.low
    return width if np.isfinite(width) else 1.0


def _note(found: Sequence[tuple[str, str, NDArray[Any]]], number: int) -> Mapping[str, Sequence[str]]:
    said = [(float(breach[number]), name, what) for name, what, breach in found if breach[number] >= SLACK]
    if not said:
        return {}
    size, name, what = max(said)
    return {name: (f"{what}, by {size:.3f}",)}
