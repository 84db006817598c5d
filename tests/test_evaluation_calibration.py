"""Calibrated answers measured on the test split: coverage, calibration error, and risk by coverage."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from test_models_answering import made
from toy import Toy

from redheart_core import CATALOGUE
from redheart_core.evaluation.calibrated import COVERAGES
from redheart_core.evaluation.calibration import measure_calibration, task_of
from redheart_core.exact.conformal import coverage
from redheart_core.exact.selective import risk_coverage
from redheart_core.models.calibrating import Answered, calibrate_answer
from redheart_core.models.calibration import CalibrationPart
from redheart_core.models.confidence import confidence, fit_loss_curve, losses_of
from redheart_core.models.manifest import AnswerSource

SOURCE = AnswerSource("node", "ekman", False, 1.0, 400, {"en": 400})
LABELS = attrs.evolve(CATALOGUE["ekman"], labels=("anger", "joy"))


def answers(seed: int, count: int = 3000, sharpness: float = 2.0) -> Answered:
    """Probabilities whose logits are as many times too large."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 1.5, (count, 2))
    truth = (draw.random((count, 2)) < 1 / (1 + np.exp(-logits))).astype(float)
    return Answered(1 / (1 + np.exp(-sharpness * logits)), truth, ("en",) * count)


def test_sets_hold_on_new_records_and_the_temperature_takes_the_error_away() -> None:
    own = calibrate_answer(LABELS, SOURCE, answers(0))
    task = task_of(LABELS, own, "en", answers(1), 0.1)
    assert task.outside == ()
    assert [cell.label for cell in task.cells] == ["anger", "joy"]
    assert 0.0 < task.outside_by_chance <= 0.1
    assert task.coverage == pytest.approx(0.9, abs=0.02)
    assert task.error_before is not None
    assert task.error_after is not None
    assert task.error_after < 0.02 < 0.05 < task.error_before
    assert [one.label for one in task.label_errors] == ["anger", "joy"]
    assert all(one.by_chance is not None and one.error < 3 * one.by_chance for one in task.label_errors)
    assert sum(one.count for one in task.reliability) == 2 * task.records
    assert len(task.risks) == len(COVERAGES)
    assert list(task.risks) == sorted(task.risks)
    assert task.area is not None
    assert task.area < task.risks[-1]
    assert task.size is not None
    assert 1.0 < task.size < 2.0


def test_labels_whose_coverage_is_beyond_chance_are_named() -> None:
    own = calibrate_answer(LABELS, SOURCE, answers(0))
    other = answers(1)
    other.answers[:, 1] **= 4  # the second label is given far less than it deserves
    assert task_of(LABELS, own, "en", other, 0.1).outside == ("joy",)


def test_as_many_labels_lie_outside_as_chance_puts_there() -> None:
    outside, expected = 0, 0.0
    for seed in range(60):
        own = calibrate_answer(LABELS, SOURCE, answers(2 * seed, 300))
        task = task_of(LABELS, own, "en", answers(2 * seed + 1, 300), 0.1)
        outside, expected = outside + len(task.outside), expected + task.outside_by_chance
    assert 3.0 < expected <= 6.0
    assert abs(outside - expected) < 3 * expected**0.5


def test_the_set_of_all_labels_misses_few_and_a_known_bad_predictor_is_seen() -> None:
    own = calibrate_answer(LABELS, SOURCE, answers(0))
    together = task_of(LABELS, own, "en", answers(1), 0.1).together
    assert together is not None
    assert together.error is not None
    assert together.missed < 0.1 + 3 * together.error
    assert together.size < 2.0
    other = answers(1)
    other.answers[:] = 1.0 - other.answers
    bad = task_of(LABELS, own, "en", other, 0.1).together
    assert bad is not None
    assert bad.error is not None
    assert bad.missed > 0.1 + 10 * bad.error


def values(seed: int, count: int = 2000) -> Answered:
    """Answers on regret, whose error grows with their distance from .5 and is invisible to their mean."""
    draw = np.random.default_rng(seed)
    answer = draw.random((count, 1))
    truth = (answer + draw.normal(0, 1, (count, 1)) * 0.5 * np.abs(answer - 0.5)).clip(0, 1)
    return Answered(answer, truth, ("en",) * count)


def test_the_loss_of_values_is_expected_by_the_calibration_records() -> None:
    regret = CATALOGUE["regret"]
    own = calibrate_answer(regret, SOURCE, values(0))
    task = task_of(regret, own, "en", values(1), 0.1)
    assert task.silence_helps
    assert task.risks[0] < 0.5 * task.risks[-1]
    few = calibrate_answer(regret, SOURCE, values(0, 29))
    assert task_of(regret, few, "en", values(1), 0.1).risks == ()


def test_the_entropy_is_replaced_where_it_says_nothing_of_the_loss() -> None:
    """The second label is decided by a coin, whether or not the answer on it is sure."""
    draw = np.random.default_rng(0)
    p = np.stack([draw.uniform(0.4, 0.6, 2000), np.where(draw.random(2000) < 0.5, 0.95, 0.5)], 1)
    truth = (draw.random((2000, 2)) < 0.5).astype(float)
    curve = fit_loss_curve(LABELS, p[:1000], truth[:1000])
    assert curve is not None
    losses = losses_of(LABELS, p[1000:], truth[1000:])
    risks = {}
    for loss in (curve, None):
        sure = confidence(LABELS, CalibrationPart(1000, None, (), loss=loss), p[1000:])
        assert sure is not None
        risks[loss] = risk_coverage(sure, losses)
    assert risks[curve][499] < 0.8 * losses.mean() < losses.mean() < risks[None][499]
    assert calibrate_answer(LABELS, SOURCE, answers(0)).at("en").loss is None


def test_a_model_is_measured_by_task_and_language_and_holds(toy: Toy, tmp_path: Path) -> None:
    model, context = made(toy, tmp_path / "model", records=1200)
    tasks = {task.field: task for task in measure_calibration(model, context)}
    assert set(tasks) == {"regret", "choice_factors"}
    regret = tasks["regret"]
    assert regret.language == "und"
    assert regret.records == len(context.store.rows("test"))
    assert regret.coverage is not None
    least, most = coverage(len(context.store.rows("calibration")), 0.1).accepted(regret.records)
    assert least <= round(regret.coverage * regret.records) <= most
    assert (regret.error_before, regret.reliability, regret.label_errors) == (None, (), ())
    assert regret.silence_helps
    assert regret.area is not None
    assert measure_calibration(attrs.evolve(model, calibration=None), context) == ()
