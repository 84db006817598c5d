"""Utilities beside the circumstances: the exact calculus bounds what a pleasure or pain of these can be worth.

With the turnover G of the circumstances in hedons and the factor M of the layers of context, the calculus gives the
value V = beta M G, where beta is the balance of pleasure over pain. How large a balance can be, the answers on
validation texts say: the largest there is taken. The calculus grows with every circumstance and layer, so that the
upper ends of their intervals bound |V|: a utility whose whole interval is above V / (V0 + |V|) of that bound
contradicts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerAnswers, LayerTexts
from redheart_core.exact.circumstances import CIRCUMSTANCES, IN_CONTEXT, UNITS, horizon_days, turnover, unbounded
from redheart_core.exact.hedonic import CONTEXT_LAYERS, bounded_score, context_factor
from redheart_core.exact.usual import field_of_largest, largest

FIELDS = ("utility", *IN_CONTEXT)


@attrs.frozen(eq=False)
class Utility:
    """A utility on N texts beside what the calculus can make of the circumstances."""

    name: str
    """"field.label", or the field."""
    answer: NDArray[Any]
    """(N,)."""
    between: NDArray[Any]
    """(2, N) ends of its intervals."""
    scale: NDArray[Any]
    """(N,) hedons of a balance of 1 by the answers, NaN where the calculus has no value."""
    most: NDArray[Any]
    """The same by the upper ends of the intervals of circumstances and layers."""


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """By "field.label" the largest balance on any of the texts."""
    found = {}
    for one in _utilities(texts):
        there = np.abs(one.answer) < 1.0  # a network may leave the range; the calculus has no value there
        with np.errstate(divide="ignore", invalid="ignore"):
            balance = np.abs(unbounded(one.answer[there])) / one.scale[there]
        if np.isfinite(balance).any():
            found[one.name] = np.array(balance[np.isfinite(balance)].max())
    return found


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """How far the nearest end of a utility's interval is above the bound, 0 if it is not; NaN without intervals."""
    return largest(_excess(arrays, texts), len(texts.texts))


def notes(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Of each text the utility that is farthest beyond, with its nearest end and the bound."""
    excess = _excess(arrays, texts)
    said = {name: (near, bound) for name, near, bound in _bounds(arrays, texts)}
    return [_note(excess, said, number) for number in range(len(texts.texts))]


def _note(
    excess: Mapping[str, NDArray[Any]], said: Mapping[str, tuple[NDArray[Any], NDArray[Any]]], number: int
) -> Mapping[str, Sequence[str]]:
    name = field_of_largest(excess, number)
    if name is None or excess[name][number] == 0.0:
        return {}
    near, bound = (float(one[number]) for one in said[name])
    return {name: (f"is at least {near:.2f} in size, and the circumstances bring at most {bound:.2f}",)}


def _excess(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> dict[str, NDArray[Any]]:
    return {name: np.maximum(near - bound, 0.0) for name, near, bound in _bounds(arrays, texts)}


def _bounds(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Of each utility the least size in its interval, and the largest that the calculus makes, (N,) each."""
    for one in _utilities(texts):
        if one.name in arrays:
            low, high = one.between
            same_sign, bound = np.sign(low) == np.sign(high), np.full(len(low), np.nan)
            near = np.where(same_sign, np.minimum(np.abs(low), np.abs(high)), 0.0)
            known = ~np.isnan(one.most)
            bound[known] = bounded_score(arrays[one.name] * one.most[known], UNITS.half)
            yield one.name, np.where(np.isnan(low), np.nan, near), bound


def _utilities(texts: LayerTexts) -> Iterator[Utility]:
    """Those whose circumstances, and layers where they count, are all answered."""
    answers = texts.answers
    for name in FIELDS:
        if name not in answers or not _whole(answers, "bentham", CIRCUMSTANCES):
            continue
        if name in IN_CONTEXT and not _whole(answers, "context_layers", CONTEXT_LAYERS):
            continue
        given = answers[name]
        for place, label in enumerate(given.field.elements):
            scale, most = (
                _scale(answers, name in IN_CONTEXT, horizon_days(label), upper=upper) for upper in (False, True)
            )
            full = label if label == name else f"{name}.{label}"
            yield Utility(full, given.answer[:, place], given.between[:, :, place], scale, most)


def _scale(answers: Mapping[str, LayerAnswers], layers: bool, days: float, *, upper: bool) -> NDArray[Any]:
    circumstances = _numbers(answers["bentham"], CIRCUMSTANCES, upper)
    known = ~np.isnan(circumstances).any(1) & (circumstances >= 0.0).all(1) & (circumstances <= 1.0).all(1)
    found = np.full(len(circumstances), np.nan)
    found[known] = turnover(circumstances[known], days)
    if layers:
        context = _numbers(answers["context_layers"], CONTEXT_LAYERS, upper)
        found[np.isnan(context).any(1)] = np.nan
        found *= context_factor(np.nan_to_num(context, nan=1.0))
    return found


def _numbers(answers: LayerAnswers, labels: Sequence[str], upper: bool) -> NDArray[Any]:
    places = [answers.field.labels.index(label) for label in labels]
    return np.asarray((answers.between[1] if upper else answers.answer)[:, places])


def _whole(answers: Mapping[str, LayerAnswers], name: str, labels: Sequence[str]) -> bool:
    return name in answers and set(labels) <= set(answers[name].field.labels)
