"""Whether the intervals, sets and probabilities of a model hold on the test split, by task and language."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

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
from redheart_core.models.calibration import CalibrationPart, Cell, SourceCalibration, at_temperature
from redheart_core.models.certainty import intervals
from redheart_core.models.confidence import confidence, losses_of
from redheart_core.models.kinds_fitting import kinds_of
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
    found, kinds = [], kinds_of(model.kinds, context.store, rows)
    for field, (source,) in answers.items():
        known = model.calibration.of(source.plugin, source.output, field)
        given = answered(context, model.modules, predictions, source, field, split, kinds)
        if known is not None and given is not None:
            for code in sorted(set(given.codes)):
                task = task_of(context.store.fields[field], known, code, given.of(code), model.calibration.alpha)
                found.append(attrs.evolve(task, clusters=clusters))
    return tuple(found)


def task_of(field: Field, known: SourceCalibration, code: str, given: Answered, alpha: float) -> CalibratedTask:
    """How an answer's calibration holds on records in a language, each by the limits of its kind of text."""
    own, limited = known.at(code), _limited(field, known, given)
    scaled, shares = limited.scaled, kind_of(field) != "values"
    risks = _risks(field, limited, given.truth)
    return CalibratedTask(
        field=field.name,
        plugin=known.plugin,
        language=code,
        records=len(given.answers),
        alpha=alpha,
        cells=tuple(_covered(field, limited, given.truth, alpha)),
        size=_size(field, limited),
        together=_together(limited, given.truth == 1.0),
        error_before=_bins(given.truth, given.answers).expected_error if shares else None,
        error_after=_bins(given.truth, scaled).expected_error if shares else None,
        label_errors=tuple(_label_errors(field, given.truth, scaled)) if shares else (),
        reliability=filled_bins(_bins(given.truth, scaled)) if shares else (),
        temperature=own.temperature,
        risks=() if risks is None else tuple(float(risks[max(0, round(c * len(risks)) - 1)]) for c in COVERAGES),
        area=None if risks is None else float(risks.mean()),
        along=tuple(along_axis(field, limited.ends, scaled, given.truth)),
        from_quantiles=given.outer is not None and any(cell.margin is not None for cell in own.cells),
    )


@attrs.frozen(eq=False)
class _Limited:
    """N answers at their temperature, each with the limits of its kind of text."""

    scaled: FloatArray
    """(N, L)."""
    ends: FloatArray
    """(2, N, L) of the intervals, NaN where there are none."""
    limits: FloatArray
    """(N, L) of labels that are 0 or 1 the least probability in the set, NaN where nothing is known."""
    together: FloatArray
    """(N,), likewise of the set of all labels."""
    sure: FloatArray
    """(N,), the higher, the surer; NaN where it is not known."""
    kinds: tuple[tuple[CalibrationPart, BoolArray], ...]
    """What limits which of them, (N,)."""


def _limited(field: Field, known: SourceCalibration, given: Answered) -> _Limited:
    count, places = given.answers.shape
    scaled, ends = np.empty((count, places)), np.empty((2, count, places))
    limits, together, sure = np.empty((count, places)), np.full(count, np.nan), np.full(count, np.nan)
    kinds = []
    for kind in sorted(set(given.kinds)):
        own, rows = known.at(kind), np.array([one == kind for one in given.kinds], bool)
        scaled[rows] = at_temperature(field, given.answers[rows], own.temperature)
        ends[:, rows] = intervals(field, own, scaled[rows], None if given.outer is None else given.outer[:, rows])
        limits[rows] = own.half_widths
        if own.together is not None and own.together.limit is not None:
            together[rows] = own.together.limit
        if (known_confidence := confidence(field, own, scaled[rows])) is not None:
            sure[rows] = known_confidence
        kinds.append((own, rows))
    return _Limited(scaled, ends, limits, together, sure, tuple(kinds))


def _covered(field: Field, limited: _Limited, truth: FloatArray, alpha: float) -> Iterator[Covered]:
    """Each label with a limit beside what chance allows."""
    for place, label in enumerate(field.elements):
        p, y, limits = limited.scaled[:, place], truth[:, place], limited.limits[:, place]
        there = (y == 1.0 if field.binary else ~np.isnan(y)) & ~np.isnan(limits)
        if not there.any():
            continue
        low, high = limited.ends[:, :, place]
        inside = p >= limits - TIE if field.binary else (low - TIE <= y) & (y <= high + TIE)
        counts = Counter[Cell]()
        for own, rows in limited.kinds:
            counts[own.cells[place]] += int((rows & there).sum())
        cells = {cell: number for cell, number in counts.items() if number}
        count, found = int(there.sum()), int((inside & there).sum())
        law = _law(cells, alpha, all_held=field.binary)
        least, most = (int(np.searchsorted(law.cumsum(), end)) for end in (LEVEL / 2, 1 - LEVEL / 2))
        chance = float(law[:least].sum() + law[most + 1 :].sum())
        borrowed = next((cell.borrowed for cell in cells if cell.borrowed), "")
        yield Covered(label, sum(cell.records for cell in cells), borrowed, count, found, least, most, chance)


def _law(cells: Mapping[Cell, int], alpha: float, *, all_held: bool) -> FloatArray:
    """The probabilities that 0, 1, ... truths are held, of so many by each limit.

    Args:
        cells: Limit to the number of truths.
        alpha: Share that each may miss.
        all_held: Whether a limit of 0 holds all of them.
    """
    from scipy import stats  # half a second, which only this function needs

    law = np.ones(1)
    for cell, count in cells.items():
        rank, numbers = conformal_rank(cell.records, alpha), np.arange(count + 1)
        if all_held and cell.limit == 0.0:
            own = (numbers == count).astype(float)
        elif cell.borrowed or rank > cell.records:
            own = stats.binom.pmf(numbers, count, 1.0 - alpha)
        else:
            own = stats.betabinom.pmf(numbers, count, rank, cell.records + 1 - rank)
        law = np.convolve(law, own)
    return law


def _size(field: Field, limited: _Limited) -> float | None:
    """Mean width of the intervals, cut off at the ends of the range; or mean number of labels in a set."""
    if np.isnan(limited.limits).all():
        return None
    if field.binary:
        return float((limited.scaled >= limited.limits - TIE).sum(1).mean())
    return float(np.nanmean(limited.ends[1] - limited.ends[0]))


def _together(limited: _Limited, true: BoolArray) -> Together | None:
    """How the sets of all labels together do; None of other fields, and without a record that has a true label."""
    there = ~np.isnan(limited.together)
    if not true[there].any():
        return None
    kept = limited.scaled[there] >= limited.together[there, None] - TIE
    missed = missed_shares(kept, true[there])
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


def _risks(field: Field, limited: _Limited, truth: FloatArray) -> FloatArray | None:
    """The mean loss of the surest records, by their number; None of values without a loss curve."""
    losses = losses_of(field, limited.scaled, truth)
    there = ~np.isnan(losses) & ~np.isnan(limited.sure)
    return risk_coverage(limited.sure[there], losses[there]) if there.any() else None
