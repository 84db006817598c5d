"""Whether the intervals, sets and probabilities of a model hold on the test split, by task and language."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from redheart_core.contract.fields import Field
from redheart_core.evaluation.results import CalibratedTask
from redheart_core.exact.calibration import LEAST, calibration_bins
from redheart_core.exact.conformal import TIE, coverage
from redheart_core.exact.numbers import BoolArray, FloatArray
from redheart_core.exact.selective import risk_coverage
from redheart_core.models.calibrating import Answered, answered, predict_split
from redheart_core.models.calibration import LanguageCalibration, at_temperature
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.model import Model
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.nn.answers import kind_of
from redheart_core.training.context import TrainingContext

LEVEL = 0.05
"""Share of the tasks and languages in which chance alone would find a label outside."""
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the records that are answered, the surest ones."""


def measure_calibration(model: Model, context: TrainingContext, split: str = "test") -> tuple[CalibratedTask, ...]:
    """Of the answer on each field, in each language that the records of a split state.

    Args:
        model: One that was calibrated; of one that was not there is nothing to measure.
        context: Of its run.
        split: Whose records are looked at.
    """
    if model.calibration is None:
        return ()
    nodes = {node.name for group in context.groups for node in group.nodes}
    listed = model.manifest.answers.items()
    answers = {field: sources[:1] for field, sources in listed if sources[0].plugin in nodes}
    predictions = predict_split(context, model.modules, answers, split)
    found = []
    for field, (source,) in answers.items():
        known = model.calibration.of(source.plugin, source.output, field)
        given = answered(context, model.modules, predictions, source, field, split)
        if known is not None and given is not None:
            for code in sorted(set(given.codes)):
                own = known.in_language(code)
                about = context.store.fields[field]
                found.append(task_of(about, source, code, own, given.of(code), model.calibration.alpha))
    return tuple(found)


def task_of(
    field: Field, source: AnswerSource, code: str, own: LanguageCalibration, given: Answered, alpha: float
) -> CalibratedTask:
    """How an answer's calibration holds on records in a language."""
    scaled = at_temperature(field, given.answers, own.temperature)
    inside = dict(_inside(field, own, scaled, given.truth))
    level, outside = LEVEL / max(1, len(inside)), []
    for place, held in inside.items():
        cell = own.cells[place]
        if not cell.borrowed and len(held):
            least, most = coverage(cell.records, alpha).accepted(len(held), level)
            if not least <= int(held.sum()) <= most:
                outside.append(field.elements[place])
    shares = [float(held.mean()) for held in inside.values() if len(held)]
    errors = None if kind_of(field) == "values" else tuple(_error(given.truth, p) for p in (given.answers, scaled))
    risks = _risks(field, scaled, given.truth)
    return CalibratedTask(
        field=field.name,
        plugin=source.plugin,
        language=code,
        records=len(given.answers),
        coverage=float(np.mean(shares)) if shares else None,
        outside=tuple(outside),
        size=_size(field, own, scaled),
        error_before=None if errors is None else errors[0],
        error_after=None if errors is None else errors[1],
        temperature=own.temperature,
        risks=() if risks is None else tuple(float(risks[max(0, round(c * len(risks)) - 1)]) for c in COVERAGES),
        area=None if risks is None else float(risks.mean()),
    )


def _inside(
    field: Field, own: LanguageCalibration, scaled: FloatArray, truth: FloatArray
) -> Iterator[tuple[int, BoolArray]]:
    """Of each label with a limit which truths its intervals hold, or which of its records with the label 1 its sets."""
    for place, cell in enumerate(own.cells):
        p, y = scaled[:, place], truth[:, place]
        if cell.limit is not None:
            if field.binary:
                yield place, p[y == 1.0] >= cell.limit - TIE
            else:
                there = ~np.isnan(y)
                yield place, np.abs(p - y)[there] <= cell.limit + TIE


def _size(field: Field, own: LanguageCalibration, scaled: FloatArray) -> float | None:
    """Mean width of the intervals, cut off at the ends of the range; or mean number of labels in a set."""
    limits = np.array([np.nan if cell.limit is None else cell.limit for cell in own.cells])
    if np.isnan(limits).all():
        return None
    if field.binary:
        return float((scaled >= limits - TIE).sum(1).mean())
    low, high = (field.low, field.high) if kind_of(field) == "values" else (0.0, 1.0)
    return float(np.nanmean((scaled + limits).clip(low, high) - (scaled - limits).clip(low, high)))


def _error(truth: FloatArray, answers: FloatArray) -> float:
    """Expected calibration error over all labels together."""
    there = ~np.isnan(truth)
    return calibration_bins(answers[there].clip(0.0, 1.0), truth[there].clip(0.0, 1.0)).expected_error


def _risks(field: Field, scaled: FloatArray, truth: FloatArray) -> FloatArray | None:
    """The mean loss of the surest records, by their number; None of values, which are all equally sure."""
    if kind_of(field) == "values" or field.axes:
        return None
    p = scaled.clip(LEAST, 1.0 - LEAST)
    entropy = -(p * np.log(p)).sum(1)
    if field.binary:
        entropy = -(p * np.log(p) + (1 - p) * np.log1p(-p)).mean(1)
    losses = answer_losses(field, torch.from_numpy(scaled), torch.from_numpy(truth)).numpy()
    there = ~np.isnan(losses)
    return risk_coverage(-entropy[there], losses[there]) if there.any() else None
