"""Members of an answer beside each other: the mean over labels of the distance between the highest and the lowest.

How far apart members usually are differs by field, so each field is measured in units of its own mean on validation
texts. From which multiple on they disagree, the calibration texts say (split conformal, Vovk et al. 2005).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerAnswers, LayerTexts

LEAST = 1e-6
"""Members that are closer on all texts are the same."""


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """Of each field the mean distance between its members; none of a field with one member."""
    found = {name: spread(answers) for name, answers in texts.answers.items()}
    usual = {name: np.nanmean(one) for name, one in found.items() if not np.isnan(one).all()}
    return {name: np.array(mean) for name, mean in usual.items() if mean > LEAST}


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The largest multiple over the fields; NaN where no field has two members."""
    return np.asarray(np.fmax.reduce([*_multiples(arrays, texts).values(), np.full(len(texts.texts), np.nan)]))


def notes(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Of each text the field on which its members are farthest apart, with the two and the label."""
    multiples = _multiples(arrays, texts)
    return [_note(multiples, texts, number) for number in range(len(texts.texts))]


def spread(answers: LayerAnswers) -> NDArray[Any]:
    """The distance between the members of N answers, (N,): mean over labels; NaN with fewer than two members."""
    if len(answers.members) < 2:
        return np.full(len(answers.answer), np.nan)
    members = np.stack(list(answers.members.values()))
    said = ~np.isnan(members)
    high, low = np.where(said, members, -np.inf).max(0), np.where(said, members, np.inf).min(0)
    apart = np.where(said.sum(0) > 1, high - low, 0.0)
    whole = (said.sum(0) > 1).sum(1)
    return np.asarray(np.divide(apart.sum(1), whole, out=np.full(len(apart), np.nan), where=whole > 0))


def _multiples(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> dict[str, NDArray[Any]]:
    return {name: spread(one) / arrays[name] for name, one in texts.answers.items() if name in arrays}


def _note(multiples: Mapping[str, NDArray[Any]], texts: LayerTexts, number: int) -> Mapping[str, Sequence[str]]:
    said = {name: float(one[number]) for name, one in multiples.items() if not np.isnan(one[number])}
    if not said:
        return {}
    field = max(said, key=lambda name: said[name])
    names = list(texts.answers[field].members)
    members = np.stack([texts.answers[field].members[name][number] for name in names])
    speak = ~np.isnan(members).all(1)
    names, members = [name for name, one in zip(names, speak, strict=True) if one], members[speak]
    place = int((members.max(0) - members.min(0)).argmax())
    high, low = int(members[:, place].argmax()), int(members[:, place].argmin())
    label = texts.answers[field].field.elements[place]
    about = "" if label == field else f" for {label}"
    return {
        field: (
            f"{names[high].partition('.')[0]} says {members[high, place]:.2f}{about} and "
            f"{names[low].partition('.')[0]} {members[low, place]:.2f}",
        )
    }
