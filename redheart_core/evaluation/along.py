"""Answers of values along an axis, such as a forecast: the error at each place, and a few records to look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from redheart_core.contract.fields import Field
from redheart_core.evaluation.calibrated import Along, Track
from redheart_core.exact.numbers import FloatArray
from redheart_core.nn.answers import kind_of

TRACKS = 3
"""Records that are shown, from the first to the last."""
MOST_LABELS = 4
"""Labels that are shown, the first ones."""


def along_axis(field: Field, ends: FloatArray, answers: FloatArray, truth: FloatArray) -> Iterator[Along]:
    """One for each label of a field of values with one axis; none of other fields.

    Args:
        field: What is answered.
        ends: (2, N, P * L) of the intervals, NaN where there are none.
        answers: (N, P * L), N > 0, the elements of the field.
        truth: (N, P * L), NaN where missing.
    """
    if len(field.axes) != 1 or kind_of(field) != "values":
        return
    shape = (-1, field.axes[0], len(field.labels) or 1)
    answers, truth, low, high = (one.reshape(shape) for one in (answers, truth, *ends))
    rows = np.unique(np.linspace(0, len(answers) - 1, TRACKS).round().astype(int))
    for place, label in enumerate((field.labels or (field.name,))[:MOST_LABELS]):
        said, true = answers[:, :, place], truth[:, :, place]
        there = ~np.isnan(true)
        errors = np.where(there, np.abs(said - true), 0.0).sum(0)
        counts = there.sum(0)
        wide = high[:, :, place] - low[:, :, place]
        held = (low[:, :, place] <= true) & (true <= high[:, :, place])
        known = ~np.isnan(wide[0])
        covered = np.where(known & (counts > 0), held.sum(0) / counts.clip(min=1), np.nan)
        yield Along(
            label,
            field.unit,
            tuple(float(error / count) if count else None for error, count in zip(errors, counts, strict=True)),
            tuple(
                Track(*map(_numbers, (said[row], true[row], low[row, :, place], high[row, :, place])))
                for row in rows.tolist()
            ),
            _numbers(covered),
            _numbers(wide.mean(0)),
        )


def _numbers(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(value) for value in values)
