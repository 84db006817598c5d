"""Answers along an axis: their error at each place against the definition, and what the page draws of them."""

from __future__ import annotations

import math

import numpy as np

from redheart_core import Field
from redheart_core.evaluation.along import along_axis
from redheart_core.exact.numbers import FloatArray
from redheart_core.models.calibration import CalibrationPart, Cell
from redheart_core.models.certainty import intervals
from redheart_core.report.plots_along import error_by_place, tracks

FIELD = Field("next", "two steps", -math.inf, math.inf, unit="kWh", labels=("a", "b"), axes=(2,))


def own(*limits: float | None) -> CalibrationPart:
    """A calibration with these limits of the elements."""
    return CalibrationPart(50, None, tuple(Cell(limit, 50) for limit in limits), None, None, None)


def around(answers: FloatArray, *limits: float | None) -> FloatArray:
    """The intervals with these limits."""
    return intervals(FIELD, own(*limits), answers)


def test_errors_are_by_step_and_intervals_are_those_of_the_calibration() -> None:
    truth = np.array([[1.0, 10.0, 2.0, math.nan], [3.0, 20.0, 4.0, math.nan]])
    answers = truth + np.array([[0.5, 0.0, -1.0, 0.0], [-1.5, 0.0, 3.0, 0.0]])
    answers[:, 3] = 7.0
    first, second = along_axis(FIELD, around(answers, 1.0, 2.0, None, 4.0), answers, truth)
    assert (first.label, first.unit, first.errors) == ("a", "kWh", (1.0, 2.0))
    assert (second.label, second.errors) == ("b", (0.0, None))
    assert first.tracks[0].answer == (1.5, 1.0)
    assert first.tracks[0].truth == (1.0, 2.0)
    assert (first.tracks[0].low, first.tracks[0].high) == ((0.5, None), (2.5, None))
    assert second.tracks[1].high == (22.0, 11.0)
    assert len(first.tracks) == 2


def test_fields_without_an_axis_and_probabilities_have_none() -> None:
    numbers, ends = np.zeros((3, 2)), np.zeros((2, 3, 2))
    assert not list(along_axis(Field("one", "", 0.0, 1.0, labels=("a", "b")), ends, numbers, numbers))
    labels = Field("some", "", 0.0, 1.0, labels=("a",), binary=True, axes=(2,))
    assert not list(along_axis(labels, ends, numbers, numbers))


def test_the_page_says_the_errors_in_words_too() -> None:
    numbers = np.array([[1.0, 2.0, 3.0, 4.0]])
    found, _ = along_axis(FIELD, around(numbers, 1.0, 1.0, 1.0, 1.0), numbers, numbers + 0.25)
    assert 'aria-label="Mean absolute error of next by step: 0.25' in str(error_by_place(found, "next"))
    assert "with intervals and truth on 1 test record" in str(tracks(found, "next"))
