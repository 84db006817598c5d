"""From a model's answers on the calibration split to temperatures, intervals and sets; nothing of the model changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.exact.calibration import LEAST, fit_temperature_to_shares, tempered
from redheart_core.exact.conformal import conformal_quantile, conformal_rank
from redheart_core.exact.numbers import BoolArray, FloatArray
from redheart_core.exact.risk_control import risk_threshold
from redheart_core.groups.binding import quantile_output
from redheart_core.groups.group_module import Answering
from redheart_core.groups.objective import evaluated_rows
from redheart_core.models.calibration import (
    ALPHA,
    LEAST_RECORDS,
    LEAST_RECORDS_OF_A_KIND,
    SURENESS,
    Calibration,
    CalibrationPart,
    Cell,
    SourceCalibration,
    at_temperature,
    language_of,
)
from redheart_core.models.certainty import intervals
from redheart_core.models.confidence import fit_loss_curve
from redheart_core.models.kinds import Kinds
from redheart_core.models.kinds_fitting import kinds_of
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.steps import Progress, shown, silent
from redheart_core.nn.answers import as_shares, kind_of

if TYPE_CHECKING:
    from redheart_core.data.store import Store
    from redheart_core.training.context import TrainingContext

SPLIT, CHOICE = "calibration", "validation"
"""What limits rest on, and what the kind of interval is chosen on."""


def calibrate(
    context: TrainingContext,
    modules: Mapping[str, Answering],
    answers: Mapping[str, tuple[AnswerSource, ...]],
    kinds: Kinds,
    progress: Progress = silent,
) -> Calibration | None:
    """What the calibration split says of every answer of a model; None if the split has no records.

    Args:
        context: Of the run.
        modules: By group, with the weights that answer.
        answers: Field to its sources.
        kinds: Of its texts.
        progress: Is told how many groups have answered the split.
    """
    rows = context.store.rows(SPLIT)
    if not len(rows):
        return None
    predictions, own = predict_split(context, modules, answers, SPLIT, progress), kinds_of(kinds, context.store, rows)
    chosen: dict[str, Tensor] | None = None
    of_chosen: Sequence[str] = ()
    sources = []
    for name, listed in answers.items():
        for source in listed:
            given = answered(context, modules, predictions, source, name, SPLIT, own)
            field = context.store.fields[name]
            if given is not None and given.outer is not None:
                if chosen is None:
                    chosen = predict_split(context, modules, answers, CHOICE)
                    of_chosen = kinds_of(kinds, context.store, context.store.rows(CHOICE))
                on_validation = answered(context, modules, chosen, source, name, CHOICE, of_chosen)
                if on_validation is None or not quantiles_are_narrower(field, source, on_validation):
                    given = attrs.evolve(given, outer=None)
            if given is not None:
                sources.append(calibrate_answer(field, source, given))
    return Calibration(ALPHA, len(rows), tuple(sources))


def quantiles_are_narrower(field: Field, source: AnswerSource, given: Answered) -> bool:
    """Whether intervals from quantiles are narrower on average than those of one width at each place.

    Args:
        field: What is answered.
        source: Who answers.
        given: Of records that the limits of the model will not rest on.
    """
    own = calibrate_answer(field, source, given).all_languages
    ours, plain = (intervals(field, own, given.answers, outer) for outer in (given.outer, None))
    shares = (ours[1] - ours[0]).mean(0) / (plain[1] - plain[0]).mean(0)
    return bool(np.nanmean(shares) < 1.0) if np.isfinite(shares).any() else False


def predict_split(
    context: TrainingContext,
    modules: Mapping[str, Answering],
    answers: Mapping[str, tuple[AnswerSource, ...]],
    split: str,
    progress: Progress = silent,
) -> dict[str, Tensor]:
    """What the sources say of the records of a split, and the quantiles that they give beside: "node.output" to
    (N, *shape), NaN for those not served and those that have none of the fields that a source is for."""
    rows, found = context.store.rows(split), dict[str, Tensor]()
    nodes = {node.name: node for group in context.groups for node in group.nodes}
    wanted = {f"{one.plugin}.{one.output}": field for field, sources in answers.items() for one in sources}
    for field, sources in answers.items():
        beside = ((one.plugin, quantile_output(nodes[one.plugin].spec, field)) for one in sources)
        wanted |= {f"{plugin}.{output}": field for plugin, output in beside if output is not None}
    for group in shown(progress, "calibrate", context.groups):
        module, own = modules[group.name], {node.name for node in group.nodes}
        also = {name: field for name, field in wanted.items() if name.partition(".")[0] in own}
        lower = context.outputs(group, module, (split,), also=also)
        if lower is not None:
            context.source.add_lower(lower)
            found |= {name: lower.batch(name, rows, 1) for name in also}
    return found


@attrs.frozen(eq=False)
class Answered:
    """Answers with the truth, of the records that have it."""

    answers: FloatArray
    """(N, L): the elements of the field."""
    truth: FloatArray
    """(N, L), NaN where missing; shares of counts."""
    kinds: tuple[str, ...]
    """(N,) of the texts: "language/data set", or a language alone where that has one kind."""
    outer: FloatArray | None = None
    """(2, N, L), the lowest and the highest quantile that the node gives beside each answer; None if it gives none."""
    data_sets: tuple[str, ...] = ()
    """Where the records come from, as kinds."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The languages alone."""
        return tuple(map(language_of, self.kinds))

    def of(self, kind: str) -> Answered:
        """Those of a kind of text, or in a language."""
        own = np.array([kind in (one, language_of(one)) for one in self.kinds], bool)
        outer = None if self.outer is None else self.outer[:, own]
        kinds = tuple(one for one, there in zip(self.kinds, own.tolist(), strict=True) if there)
        return Answered(self.answers[own], self.truth[own], kinds, outer)


def answered(
    context: TrainingContext,
    modules: Mapping[str, Answering],
    predictions: Mapping[str, Tensor],
    source: AnswerSource,
    field: str,
    split: str,
    kinds: Sequence[str],
) -> Answered | None:
    """What a source answers on the records of a split that it is evaluated on; None if there are none.

    The kinds are those of all records of the split.
    """
    store, rows, name = context.store, context.store.rows(split), f"{source.plugin}.{source.output}"
    group = next(group for group in context.groups if source.plugin in {node.name for node in group.nodes})
    target = store.target(field)[rows]
    inputs = context.source.fields(rows, group.inputs)
    shares = as_shares(store.fields[field], target.double())
    known = evaluated_rows(modules[group.name], source.plugin, target, inputs)
    known &= ~shares.reshape(len(rows), -1).isnan().all(1)
    if not bool(known.any()):
        return None
    quantiles = predictions.get(f"{source.plugin}.{field}_quantiles")
    return Answered(
        predictions[name][known].double().reshape(int(known.sum()), -1).numpy(),
        shares[known].reshape(int(known.sum()), -1).numpy(),
        tuple(kind for kind, there in zip(kinds, known.tolist(), strict=True) if there),
        None if quantiles is None else outermost(quantiles[known]),
        _data_sets(store, rows[known]),
    )


def _data_sets(store: Store, rows: Tensor) -> tuple[str, ...]:
    names = [store.source_names[place] for place in store.sources[rows].tolist()]
    return tuple(sorted({f"{code}/{name}" for code, name in zip(store.codes(rows), names, strict=True)}))


def outermost(quantiles: Tensor) -> FloatArray:
    """The lowest and the highest of (N, *axes, Q, labels): (2, N, L)."""
    ends: FloatArray = torch.stack([quantiles[..., 0, :], quantiles[..., -1, :]]).double().flatten(2).numpy()
    return ends


def leaders(truth: FloatArray) -> BoolArray:
    """The labels of each record, (N, L), that have the largest share."""
    return np.asarray(truth == np.nanmax(truth, 1, keepdims=True))


def calibrate_answer(field: Field, source: AnswerSource, given: Answered) -> SourceCalibration:
    """What the calibration records say of one answer, by language, kind of text and label."""
    whole, codes = _part(field, given, None), sorted(set(given.codes))
    languages = {code: _part(field, given.of(code), whole) for code in codes} if len(codes) > 1 else {}
    languages = languages or dict.fromkeys(codes, whole)
    kinds = {}
    for kind, count in sorted(Counter(given.kinds).items()):
        if kind not in codes and count >= LEAST_RECORDS_OF_A_KIND:
            own = _part(field, given.of(kind), None)
            kinds[kind] = _completed(field, own, languages[language_of(kind)])
    return SourceCalibration(source.plugin, source.output, field.name, whole, languages, kinds, given.data_sets)


def _completed(field: Field, own: CalibrationPart, language: CalibrationPart) -> CalibrationPart:
    """That of a kind of text, ordered by the loss as all of the language are; a label that is 0 or 1 and has too few
    records gets the limit that it has in the language, at the temperature of the kind."""
    own = attrs.evolve(own, loss=language.loss)
    if not field.binary:
        return own
    ratio = (own.temperature or 1.0) / (language.temperature or 1.0)

    def moved(cell: Cell) -> Cell:
        limit = float(tempered(cell.limit, ratio, binary=True)) if cell.limit else cell.limit
        return attrs.evolve(cell, limit=limit, borrowed=cell.borrowed or "kinds")

    pairs = zip(own.cells, language.cells, strict=True)
    cells = tuple(cell if cell.records >= LEAST_RECORDS else moved(common) for cell, common in pairs)
    return attrs.evolve(own, cells=cells)


def _part(field: Field, given: Answered, whole: CalibrationPart | None) -> CalibrationPart:
    """The limits of a language, or of a kind of text; those of the whole stand in where its records are too few."""
    few = len(given.answers) < LEAST_RECORDS
    temperature = whole.temperature if whole is not None and few else _temperature(field, given)
    given = attrs.evolve(given, answers=at_temperature(field, given.answers, temperature))
    loss = whole.loss if whole is not None and few else fit_loss_curve(field, given.answers, given.truth)
    leading = together = None
    if (field.simplex or field.counts) and not field.axes:
        leading = _least(_cell(1.0 - np.where(leaders(given.truth), given.answers, 0.0).max(1)))
    if field.binary:
        true = given.truth == 1.0
        together = Cell(risk_threshold(given.answers.clip(0.0, 1.0), true, ALPHA), int(true.any(1).sum()))
    if whole is not None and few:
        leading, together = (None if one is None else _from_languages(one) for one in (whole.leading, whole.together))
    cells = tuple(_cells(field, given, whole))
    return CalibrationPart(len(given.answers), temperature, cells, leading, together, loss)


def _from_languages(cell: Cell) -> Cell:
    return attrs.evolve(cell, borrowed="languages")


def _cells(field: Field, given: Answered, whole: CalibrationPart | None) -> Iterator[Cell]:
    """Of each label its own limit; else that of all labels of the language, or its own in all languages.

    A label that is 0 or 1 takes none of other labels, which say nothing of it: without a limit it is in every set.
    """
    few = len(given.answers) < LEAST_RECORDS
    scores = [_scores(field, given, place) for place in range(given.answers.shape[1])]
    together, beyond = np.concatenate(scores), _beyond(given)
    for place, own in enumerate(scores):
        if field.binary:
            if whole is not None and few:
                yield _from_languages(whole.cells[place])
            else:
                cell = _least(_cell(own))
                yield attrs.evolve(cell, limit=0.0) if cell.limit is None and not few else cell
        elif len(own) >= LEAST_RECORDS or (whole is None and len(scores) == 1):
            yield _cell(own, beyond=None if beyond is None else beyond[:, place])
        elif whole is None or (len(together) >= LEAST_RECORDS and len(scores) > 1):
            yield _cell(together, "labels", beyond)
        else:
            yield _from_languages(whole.cells[place])


def _scores(field: Field, given: Answered, place: int) -> FloatArray:
    """Of the records that have a label the residuals, or 1 - p where the label is 1."""
    answers, truth = given.answers[:, place], given.truth[:, place]
    if field.binary:
        return np.asarray(1.0 - answers[truth == 1.0])
    there = ~np.isnan(truth)
    return np.asarray(np.abs(answers - truth)[there])


def _beyond(given: Answered) -> FloatArray | None:
    """How far each truth lies outside of the node's quantiles, (N, L), below 0 inside (Romano et al. 2019)."""
    return None if given.outer is None else np.maximum(given.outer[0] - given.truth, given.truth - given.outer[1])


def _cell(scores: FloatArray, borrowed: str = "", beyond: FloatArray | None = None) -> Cell:
    """The conformal quantiles of some scores, and of those beyond the node's quantiles; none of too few."""
    widths = tuple(_quantile(scores, 1.0 - sureness) for sureness in SURENESS)
    margin = None if beyond is None else _quantile(beyond[~np.isnan(beyond)], ALPHA)
    return Cell(_quantile(scores, ALPHA), len(scores), borrowed, widths, margin)


def _quantile(scores: FloatArray, alpha: float) -> float | None:
    return float(conformal_quantile(scores, alpha)) if conformal_rank(len(scores), alpha) <= len(scores) else None


def _least(cell: Cell) -> Cell:
    """From the largest score 1 - p to the least probability p."""
    return cell if cell.limit is None else attrs.evolve(cell, limit=1.0 - cell.limit)


def _temperature(field: Field, given: Answered) -> float | None:
    """That with the least cross-entropy; None of values and of too few records."""
    if kind_of(field) == "values" or len(given.answers) < LEAST_RECORDS:
        return None
    if field.binary:
        there = ~np.isnan(given.truth)
        p, y = given.answers[there].clip(LEAST, 1.0 - LEAST), given.truth[there]
        logits = np.stack([np.log(p) - np.log1p(-p), np.zeros_like(p)], 1)
        shares = np.stack([y, 1.0 - y], 1)
    else:
        size = len(field.labels)
        logits = np.log(given.answers.reshape(-1, size).clip(LEAST, 1.0))
        shares = given.truth.reshape(-1, size)
        whole = ~np.isnan(shares).any(1)
        logits, shares = logits[whole], shares[whole].clip(0.0, 1.0)
    if np.ptp(logits, axis=1).max() == 0.0:  # nothing to scale
        return None
    return fit_temperature_to_shares(logits, shares)
