"""Intervals of a node that gives quantiles: calibrated by conformalised quantile regression (Romano et al. 2019)."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
import torch

from redheart_core import Field
from redheart_core.evaluation.calibration import task_of
from redheart_core.models.calibrating import Answered, calibrate_answer, outermost, quantiles_are_narrower
from redheart_core.models.calibration import ALPHA, CalibrationPart, Cell
from redheart_core.models.certainty import calibrated, intervals
from redheart_core.models.findings import LabelValue
from redheart_core.models.manifest import AnswerSource, LabelStatistics

FIELD = Field("next", "two steps", -math.inf, math.inf, unit="kWh", labels=("a",), axes=(2,))
SOURCE = AnswerSource("node", "next", False, 1.0, 400, {"und": 400})
NINETY = 1.6448536269514722
"""Of a normal distribution 90 % lie so many deviations around the mean."""


def given(seed: int, factor: float, count: int = 4000) -> Answered:
    """Two steps whose deviation is 1 or 5 by the record, the second twice as large; quantiles are wrong by a factor."""
    draw = np.random.default_rng(seed)
    deviation = np.where(draw.random(count) < 0.5, 1.0, 5.0)[:, None] * np.array([1.0, 2.0])
    mean = draw.normal(0, 3, (count, 2))
    truth = mean + deviation * draw.normal(size=(count, 2))
    outer = np.stack([mean - factor * NINETY * deviation, mean + factor * NINETY * deviation])
    return Answered(mean, truth, ("und",) * count, outer)


def held(seed: int, factor: float) -> tuple[float, float, float]:
    """On new records the share that is held of all numbers, of records with little and with much spread."""
    own = calibrate_answer(FIELD, SOURCE, given(seed, factor)).at(None)
    new = given(seed + 1, factor)
    assert new.outer is not None
    low, high = intervals(FIELD, own, new.answers, new.outer)
    inside = (low <= new.truth) & (new.truth <= high)
    wide = (new.outer[1] - new.outer[0])[:, 0] > 2 * factor * NINETY * 2
    return float(inside.mean()), float(inside[~wide].mean()), float(inside[wide].mean())


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.0])
def test_quantiles_that_are_too_narrow_or_too_wide_hold_what_they_say_once_calibrated(factor: float) -> None:
    raw = given(1, factor)
    assert raw.outer is not None
    before = float(((raw.outer[0] <= raw.truth) & (raw.truth <= raw.outer[1])).mean())
    assert before == pytest.approx({0.4: 0.489, 1.0: 0.9, 2.0: 0.999}[factor], abs=0.01)
    assert held(0, factor)[0] == pytest.approx(1 - ALPHA, abs=0.015)


def test_intervals_of_right_quantiles_are_as_wide_as_each_record_asks_for() -> None:
    _, calm, wild = held(0, 1.0)
    assert calm == pytest.approx(0.9, abs=0.02)
    assert wild == pytest.approx(0.9, abs=0.02)
    own, new = calibrate_answer(FIELD, SOURCE, given(0, 1.0)).at(None), given(1, 1.0)
    low, high = intervals(FIELD, own, new.answers)  # of one width
    assert np.ptp(high - low, axis=0) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_quantiles_are_taken_where_they_make_narrower_intervals() -> None:
    one = given(0, 1.0)
    assert quantiles_are_narrower(FIELD, SOURCE, one)
    assert one.outer is not None
    shuffled = np.random.default_rng(1).permutation(len(one.answers))
    wrong = (one.outer - one.answers)[:, shuffled] + one.answers  # the spread of other records
    assert not quantiles_are_narrower(FIELD, SOURCE, attrs.evolve(one, outer=wrong))


def test_the_margin_is_the_conformal_quantile_of_how_far_the_truth_lies_outside() -> None:
    one = given(3, 0.7, 60)
    assert one.outer is not None
    own = calibrate_answer(FIELD, SOURCE, one).at(None)
    for place, cell in enumerate(own.cells):
        by_hand = sorted(
            max(float(one.outer[0, row, place]) - y, y - float(one.outer[1, row, place]))
            for row, y in enumerate(one.truth[:, place].tolist())
        )
        assert cell.margin == by_hand[math.ceil(61 * 0.9) - 1]


def test_a_truth_that_is_missing_does_not_count_and_few_records_give_no_margin() -> None:
    one = given(3, 0.7, 60)
    one.truth[10:, 1] = np.nan
    own = calibrate_answer(FIELD, SOURCE, one).at(None)
    assert own.cells[1].borrowed == "labels"
    few = calibrate_answer(FIELD, SOURCE, given(3, 0.7, 3)).at(None)
    assert [cell.margin for cell in few.cells] == [None, None]


def own_with(*margins: float | None) -> CalibrationPart:
    return CalibrationPart(50, None, tuple(Cell(1.0, 50, margin=one) for one in margins), None, None, None)


def test_ends_that_would_cross_meet_and_a_cell_without_a_margin_lies_around_the_answer() -> None:
    outer = np.array([[[2.0, 5.0]], [[4.0, 6.0]]])
    low, high = intervals(FIELD, own_with(-3.0, None), np.array([[3.5, 7.0]]), outer)
    assert low.tolist() == [[3.0, 6.0]]
    assert high.tolist() == [[3.0, 8.0]]


def test_an_answer_has_the_same_interval_as_the_measurement() -> None:
    values = [LabelValue(name, number, 0.0, None) for name, number in zip(FIELD.elements, (3.5, 7.0), strict=True)]
    usual = dict.fromkeys(FIELD.elements, LabelStatistics(0.0, 1.0, 50))
    outer = np.array([[2.0, 5.0], [4.0, 6.0]])
    found = list(calibrated(FIELD, own_with(0.5, 1.0), values, usual, outer))
    assert [(one.low, one.high) for one in found] == [(1.5, 4.5), (4.0, 7.0)]


def test_the_outermost_quantiles_are_in_the_order_of_the_elements() -> None:
    quantiles = torch.arange(24.0).reshape(2, 2, 3, 2)  # records, steps, levels, labels
    assert outermost(quantiles).tolist() == [[[0, 1, 6, 7], [12, 13, 18, 19]], [[4, 5, 10, 11], [16, 17, 22, 23]]]


def test_the_measured_coverage_is_said_in_words_and_by_step() -> None:
    known, new = calibrate_answer(FIELD, SOURCE, given(0, 0.5)), given(1, 0.5)
    own = known.at(None)
    task = task_of(FIELD, known, "und", new, ALPHA)
    assert new.outer is not None
    low, high = intervals(FIELD, own, new.answers, new.outer)
    inside = (low <= new.truth) & (new.truth <= high)
    assert task.along[0].covered == pytest.approx(inside.mean(0).tolist())
    assert task.along[0].widths == pytest.approx((high - low).mean(0).tolist())
    assert task.from_quantiles
    assert task.coverage == pytest.approx(inside.mean())
    assert f"are to hold 90% and hold {task.coverage:.1%} of the numbers" in task.coverage_sentence
