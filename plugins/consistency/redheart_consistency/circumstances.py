"""Utilities beside the circumstances: the exact calculus bounds what a pleasure or pain of these can be worth.

With the turnover G of the circumstances in hedons and the factor M of the layers of context, the calculus gives the
value V = beta M G, where beta is the balance of pleasure over pain. How large a balance usually is, the answers on
validation texts say: that which 95 % of them do not exceed is taken. The calculus grows with every circumstance and
layer, so that the upper ends of their intervals bound |V|: a utility whose whole interval is above V / (V0 + |V|) of
that bound contradicts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerAnswers, LayerTexts
from redheart_core.exact.circumstances import CIRCUMSTANCES, IN_CONTEXT, UNITS, horizon_days, turnover, unbounded
from redheart_core.exact.hedonic import CONTEXT_LAYERS, context_factor
from redheart_core.exact.usual import field_of_largest, largest

FIELDS = ("utility", *IN_CONTEXT)
USUAL = 0.95
"""Share of validation texts whose balance bounds others; some circumstances are answered as almost nothing."""


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """By "field.label" the balance that few of the texts exceed in size."""
    found = {}
    for field, scale in _scales(texts, upper=False):
        for place, label in enumerate(field.field.elements):
            answer = field.answer[:, place]
            there = np.abs(answer) < 1.0  # a network may leave the range; the calculus has no value there
            with np.errstate(divide="ignore", invalid="ignore"):
                balance = np.abs(unbounded(answer[there])) / scale[there, place]
            if np.isfinite(balance).any():
                found[_name(field, label)] = np.array(np.quantile(balance[np.isfinite(balance)], USUAL))
    return found


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """How far the nearest end of a utility's interval is above the bound, 0 if it is not; NaN without intervals."""
    return largest(_excess(arrays, texts), len(texts.texts))


def notes(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Of each text the utility that is farthest beyond, with its nearest end and the bound."""
    excess = _excess(arrays, texts)
    said = {
        name: (own, most)
        for names, near, bound in _bounds(arrays, texts)
        for name, own, most in zip(names, near.T, bound.T, strict=True)
    }
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
    return {
        name: one
        for names, near, bound in _bounds(arrays, texts)
        for name, one in zip(names, np.maximum(near - bound, 0.0).T, strict=True)
    }


def _bounds(
    arrays: Mapping[str, NDArray[Any]], texts: LayerTexts
) -> Iterator[tuple[list[str], NDArray[Any], NDArray[Any]]]:
    """Names of K utilities, the least size in the interval of each, and the largest that the calculus makes, (N, K)."""
    for field, most in _scales(texts, upper=True):
        names = [_name(field, label) for label in field.field.elements]
        places = [place for place, name in enumerate(names) if name in arrays]
        known = [names[place] for place in places]
        low, high = field.between[:, :, places]
        size = np.where(np.sign(low) == np.sign(high), np.minimum(np.abs(low), np.abs(high)), 0.0)
        near = np.where(np.isnan(low), np.nan, size)
        value = most[:, places] * [arrays[name].item() for name in known]
        yield known, near, value / (UNITS.half + value)  # above 0, so bounded as it is


def _scales(texts: LayerTexts, *, upper: bool) -> Iterator[tuple[LayerAnswers, NDArray[Any]]]:
    """The utilities whose circumstances, and layers where they count, are answered, with what a balance of 1 is worth.

    That is in hedons for each label, (N, L), by the answers or by the upper ends of their intervals; NaN where the
    calculus has no value.
    """
    answers = texts.answers
    if not _whole(answers, "bentham", CIRCUMSTANCES):
        return
    circumstances = _numbers(answers["bentham"], CIRCUMSTANCES, upper)
    known = ((circumstances >= 0.0) & (circumstances <= 1.0)).all(1)
    for name in FIELDS:
        if name not in answers or (name in IN_CONTEXT and not _whole(answers, "context_layers", CONTEXT_LAYERS)):
            continue
        labels = answers[name].field.elements
        found = np.full((len(circumstances), len(labels)), np.nan)
        found[known] = turnover(circumstances[known][:, None], [horizon_days(label) for label in labels])
        if name in IN_CONTEXT:
            layers = _numbers(answers["context_layers"], CONTEXT_LAYERS, upper)
            silent = np.isnan(layers).any(1)
            found *= np.where(silent, np.nan, context_factor(np.where(silent[:, None], 1.0, layers)))[:, None]
        yield answers[name], found


def _name(field: LayerAnswers, label: str) -> str:
    return label if label == field.field.name else f"{field.field.name}.{label}"


def _numbers(answers: LayerAnswers, labels: Sequence[str], upper: bool) -> NDArray[Any]:
    places = [answers.field.labels.index(label) for label in labels]
    return np.asarray((answers.between[1] if upper else answers.answer)[:, places])


def _whole(answers: Mapping[str, LayerAnswers], name: str, labels: Sequence[str]) -> bool:
    return name in answers and set(labels) <= set(answers[name].field.labels)
