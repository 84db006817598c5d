"""Whether the intervals, sets and probabilities of a model hold on the test split, by task and language."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from redheart_core.contract.fields import Field
from redheart_core.evaluation.along import along_axis
from redheart_core.evaluation.calibrated import COVERAGES, CalibratedTask, Covered, LabelError, Together
from redheart_core.evaluation.diagnostics import filled_bins
from redheart_core.exact.calibration import CalibrationBins, calibration_bins
from redheart_core.exact.conformal import TIE, conformal_rank
from redheart_core.exact.numbers import BoolArray, FloatArray
from redheart_core.exact.risk_control import missed_shares
from redheart_core.exact.selective import risk_coverage
from redheart_core.models.calibrating import Answered, answered, predict_split
from redheart_core.models.calibration import Cell, LanguageCalibration, at_temperature
from redheart_core.models.certainty import intervals
from redheart_core.models.confidence import confidence, losses_of
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.model import Model
from redheart_core.nn.answers import kind_of
from redheart_core.training.context import TrainingContext

LEVEL = 0.05
"""Probability with which chance alone would find a label outside."""


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
    rows = context.store.rows(split)
    independent = len(context.store.clusters_of(rows))
    clusters = independent if independent < len(rows) else None
    found = []
    for field, (source,) in answers.items():
        known = model.calibration.of(source.plugin, source.output, field)
        given = answered(context, model.modules, predictions, source, field, split)
        if known is not None and given is not None:
            for code in sorted(set(given.codes)):
                own = known.in_language(code)
                about = context.store.fields[field]
                task = task_of(about, source, code, own, given.of(code), model.calibration.alpha)
                found.append(attrs.evolve(task, clusters=clusters))
    return tuple(found)


def task_of(
    field: Field, source: AnswerSource, code: str, own: LanguageCalibration, given: Answered, alpha: float
) -> CalibratedTask:
    """How an answer's calibration holds on records in a language."""
    scaled = at_temperature(field, given.answers, own.temperature)
    ends = intervals(field, own, scaled, given.outer)
    shares, risks = kind_of(field) != "values", _risks(field, own, scaled, given.truth)
    return CalibratedTask(
        field=field.name,
        plugin=source.plugin,
        language=code,
        records=len(given.answers),
        alpha=alpha,
        cells=tuple(_covered(field, own, scaled, ends, given.truth, alpha)),
        size=_size(field, own, scaled, ends),
        together=_together(own, scaled, given.truth == 1.0),
        error_before=_bins(given.truth, given.answers).expected_error if shares else None,
        error_after=_bins(given.truth, scaled).expected_error if shares else None,
        label_errors=tuple(_label_errors(field, given.truth, scaled)) if shares else (),
        reliability=filled_bins(_bins(given.truth, scaled)) if shares else (),
        temperature=own.temperature,
        risks=() if risks is None else tuple(float(risks[max(0, round(c * len(risks)) - 1)]) for c in COVERAGES),
        area=None if risks is None else float(risks.mean()),
        along=tuple(along_axis(field, ends, scaled, given.truth)),
        from_quantiles=given.outer is not None and any(cell.margin is not None for cell in own.cells),
    )


def _covered(
    field: Field,
    own: LanguageCalibration,
    scaled: FloatArray,
    ends: FloatArray,
    truth: FloatArray,
    alpha: float,
) -> Iterator[Covered]:
    """Each label with a limit beside what chance allows."""
    for place, held in _inside(field, own, scaled, ends, truth):
        cell, count = own.cells[place], len(held)
        if count:
            law = _law(cell, count, alpha)
            least, most = (int(end) for end in law.ppf([LEVEL / 2, 1 - LEVEL / 2]))
            chance = float(law.cdf(least - 1) + law.sf(most))
            most, chance = (count, 0.0) if cell.limit == 0.0 and field.binary else (most, chance)  # holds all
            label, found = field.elements[place], int(held.sum())
            yield Covered(label, cell.records, cell.borrowed, count, found, least, most, chance)


def _law(cell: Cell, count: int, alpha: float) -> Any:
    """Of the number of truths that are held, of so many."""
    from scipy import stats  # half a second, which only this function needs

    rank = conformal_rank(cell.records, alpha)
    if cell.borrowed or rank > cell.records:
        return stats.binom(count, 1.0 - alpha)
    return stats.betabinom(count, rank, cell.records + 1 - rank)


def _inside(
    field: Field, own: LanguageCalibration, scaled: FloatArray, ends: FloatArray, truth: FloatArray
) -> Iterator[tuple[int, BoolArray]]:
    """Of each label with a limit which truths its intervals hold, or which of its records with the label 1 its sets."""
    for place, cell in enumerate(own.cells):
        p, y = scaled[:, place], truth[:, place]
        if cell.limit is not None:
            if field.binary:
                yield place, p[y == 1.0] >= cell.limit - TIE
            else:
                there = ~np.isnan(y)
                low, high = ends[:, there, place]
                yield place, (low - TIE <= y[there]) & (y[there] <= high + TIE)


def _size(field: Field, own: LanguageCalibration, scaled: FloatArray, ends: FloatArray) -> float | None:
    """Mean width of the intervals, cut off at the ends of the range; or mean number of labels in a set."""
    limits = np.array([np.nan if cell.limit is None else cell.limit for cell in own.cells])
    if np.isnan(limits).all():
        return None
    if field.binary:
        return float((scaled >= limits - TIE).sum(1).mean())
    return float(np.nanmean(ends[1] - ends[0]))


def _together(own: LanguageCalibration, scaled: FloatArray, true: BoolArray) -> Together | None:
    """How the sets of all labels together do; None of other fields, and without a record that has a true label."""
    if own.together is None or own.together.limit is None or not true.any():
        return None
    kept = scaled >= own.together.limit - TIE
    missed = missed_shares(kept, true)
    missed = missed[~np.isnan(missed)]
    error = float(missed.std(ddof=1) / math.sqrt(len(missed))) if len(missed) > 1 else None
    return Together(len(missed), float(missed.mean()), error, float(kept.sum(1).mean()))


def _bins(truth: FloatArray, answers: FloatArray) -> CalibrationBins:
    """Of all labels together."""
    there = ~np.isnan(truth)
    return calibration_bins(answers[there].clip(0.0, 1.0), truth[there].clip(0.0, 1.0))


def _label_errors(field: Field, truth: FloatArray, scaled: FloatArray) -> Iterator[LabelError]:
    for place, label in enumerate(field.elements):
        if not np.isnan(truth[:, place]).all():
            bins = _bins(truth[:, place], scaled[:, place])
            yield LabelError(label, bins.expected_error, bins.error_by_chance if field.binary else None)


def _risks(field: Field, own: LanguageCalibration, scaled: FloatArray, truth: FloatArray) -> FloatArray | None:
    """The mean loss of the surest records, by their number; None of values without a loss curve."""
    sure = confidence(field, own, scaled)
    if sure is None:
        return None
    losses = losses_of(field, scaled, truth)
    there = ~np.isnan(losses)
    return risk_coverage(sure[there], losses[there]) if there.any() else None
