"""The nearest cases of a memory beside the answers: how near they are, and how far their labels are from these.

The labels of the cases that have a field are averaged; fields are measured in units of their own mean on validation
texts, where the memory is the training split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redheart_core import LayerAnswers, LayerTexts
from redheart_core.exact.usual import field_of_largest, in_units, largest, usual_sizes

LEAST = 1e-6
"""Labels that are nearer to the answers on all texts are the same."""


def distance(_: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """Of the nearest case; NaN without a memory."""
    return np.full(len(texts.texts), np.nan) if texts.distances is None else texts.distances[:, 0].astype(np.float64)


def fit(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    """Of each field how far the labels of cases usually are from the answer."""
    return usual_sizes(_differences(texts), LEAST)


def score(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> NDArray[Any]:
    """The largest multiple over the fields; NaN where no case has a field that is answered."""
    return largest(in_units(_differences(texts), arrays), len(texts.texts))


def notes(arrays: Mapping[str, NDArray[Any]], texts: LayerTexts) -> list[Mapping[str, Sequence[str]]]:
    """Of each text the field on which cases differ most, with the label and both numbers."""
    multiples = in_units(_differences(texts), arrays)
    return [_note(multiples, texts, number) for number in range(len(texts.texts))]


def apart(answers: LayerAnswers) -> NDArray[Any]:
    """The mean over labels of the distance between N answers and the mean of the cases, (N,); NaN without either."""
    distances = np.abs(answers.answer - mean_of_cases(answers))
    there = ~np.isnan(distances)
    count = there.sum(1)
    total = np.where(there, distances, 0.0).sum(1)
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def mean_of_cases(answers: LayerAnswers) -> NDArray[Any]:
    """The labels of the cases that have them, (N, L); NaN where none has."""
    there = ~np.isnan(answers.cases)
    count, total = there.sum(1), np.where(there, answers.cases, 0.0).sum(1)
    return np.asarray(np.divide(total, count, out=np.full(answers.answer.shape, np.nan), where=count > 0))


def _differences(texts: LayerTexts) -> dict[str, NDArray[Any]]:
    return {name: apart(answers) for name, answers in texts.answers.items() if answers.cases.shape[1]}


def _note(multiples: Mapping[str, NDArray[Any]], texts: LayerTexts, number: int) -> Mapping[str, Sequence[str]]:
    field = field_of_largest(multiples, number)
    if field is None:
        return {}
    answers = texts.answers[field]
    cases, given = mean_of_cases(answers)[number], answers.answer[number]
    place = int(np.nan_to_num(np.abs(cases - given)).argmax())
    label = answers.field.elements[place]
    about = "" if label == field else f" of {label}"
    return {field: (f"the answer{about} is {given[place]:.2f}, and similar cases have {cases[place]:.2f}",)}
