"""Calibrated answers measured on the test split: coverage, calibration error, and risk by coverage."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from test_models_answering import made
from toy import Toy

from redheart_core import CATALOGUE
from redheart_core.evaluation.calibration import COVERAGES, measure_calibration, task_of
from redheart_core.exact.conformal import coverage
from redheart_core.models.calibrating import Answered, calibrate_answer
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
    own = calibrate_answer(LABELS, SOURCE, answers(0)).in_language("en")
    task = task_of(LABELS, SOURCE, "en", own, answers(1), 0.1)
    assert task.outside == ()
    assert task.coverage == pytest.approx(0.9, abs=0.02)
    assert task.error_before is not None
    assert task.error_after is not None
    assert task.error_after < 0.02 < 0.05 < task.error_before
    assert len(task.risks) == len(COVERAGES)
    assert list(task.risks) == sorted(task.risks)
    assert task.area is not None
    assert task.area < task.risks[-1]
    assert task.size is not None
    assert 1.0 < task.size < 2.0


def test_labels_whose_coverage_is_beyond_chance_are_named() -> None:
    own = calibrate_answer(LABELS, SOURCE, answers(0)).in_language("en")
    other = answers(1)
    other.answers[:, 1] **= 4  # the second label is given far less than it deserves
    assert task_of(LABELS, SOURCE, "en", own, other, 0.1).outside == ("joy",)


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
    assert (regret.error_before, regret.risks, regret.area) == (None, (), None)
    assert measure_calibration(attrs.evolve(model, calibration=None), context) == ()
