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
from redheart_core.exact.usual import field_of_largest, in_units, largest, usual_sizes

LEAST = 1e-6
"""Members that are closer on all texts are the same."""


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """Of each field the mean distance between its members; none of a field with one member."""
    return usual_sizes(_spreads(texts), LEAST)


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The largest multiple over the fields; NaN where no field has two members."""
    return largest(in_units(_spreads(texts), arrays), len(texts.texts))


def notes(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Of each text the field on which its members are farthest apart, with the two and the label."""
    multiples = in_units(_spreads(texts), arrays)
    return [_note(multiples, texts, number) for number in range(len(texts.texts))]


def spread(answers: LayerAnswers) -> NDArray[Any]:
    """The distance between the members of N answers, (N,): mean over labels; NaN with fewer than two members."""
    if len(answers.members) < 2:
        return np.full(len(answers.answer), np.nan)
    members = np.array([*answers.members.values()])
    several = (~np.isnan(members)).sum(0) > 1
    apart = np.where(several, np.fmax.reduce(members) - np.fmin.reduce(members), 0.0)
    whole = several.sum(1)
    return np.asarray(np.divide(apart.sum(1), whole, out=np.full(len(apart), np.nan), where=whole > 0))


def _spreads(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    return {name: spread(answers) for name, answers in texts.answers.items()}


def _note(multiples: Mapping[str, NDArray[Any]], texts: LayerTexts, number: int) -> Mapping[str, Sequence[str]]:
    field = field_of_largest(multiples, number)
    if field is None:
        return {}
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
