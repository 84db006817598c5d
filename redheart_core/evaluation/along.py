"""Answers of values along an axis, such as a forecast: the error at each place, and a few records to look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from redheart_core.contract.fields import Field
from redheart_core.evaluation.calibrated import Along, Track
from redheart_core.exact.numbers import FloatArray
from redheart_core.models.calibration import LanguageCalibration
from redheart_core.nn.answers import kind_of

TRACKS = 3
"""Records that are shown, from the first to the last."""
MOST_LABELS = 4
"""Labels that are shown, the first ones."""


def along_axis(field: Field, own: LanguageCalibration, answers: FloatArray, truth: FloatArray) -> Iterator[Along]:
    """One for each label of a field of values with one axis; none of other fields.

    Args:
        field: What is answered.
        own: Whose limits make the intervals.
        answers: (N, P * L), N > 0, the elements of the field.
        truth: (N, P * L), NaN where missing.
    """
    if len(field.axes) != 1 or kind_of(field) != "values":
        return
    shape = (-1, field.axes[0], len(field.labels) or 1)
    limits = np.array([np.nan if cell.limit is None else cell.limit for cell in own.cells]).reshape(shape)[0]
    answers, truth = answers.reshape(shape), truth.reshape(shape)
    rows = np.unique(np.linspace(0, len(answers) - 1, TRACKS).round().astype(int))
    for place, label in enumerate((field.labels or (field.name,))[:MOST_LABELS]):
        said, true, limit = answers[:, :, place], truth[:, :, place], limits[:, place]
        there = ~np.isnan(true)
        errors = np.where(there, np.abs(said - true), 0.0).sum(0)
        counts = there.sum(0)
        yield Along(
            label,
            field.unit,
            tuple(float(error / count) if count else None for error, count in zip(errors, counts, strict=True)),
            tuple(
                Track(*map(_numbers, (said[row], true[row], said[row] - limit, said[row] + limit)))
                for row in rows.tolist()
            ),
        )


def _numbers(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(value) for value in values)
