"""What layers see of a model's answers: of texts that are analyzed, or of the records of a split."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.contract.layers import LayerAnswers, LayerTexts
from redheart_core.contract.tensors import has_any
from redheart_core.data.lower_outputs import LowerOutputs
from redheart_core.exact.numbers import FloatArray
from redheart_core.models.calibration import Calibration, at_temperature
from redheart_core.models.certainty import intervals
from redheart_core.models.findings import Finding
from redheart_core.models.kinds import TextKind
from redheart_core.models.manifest import AnswerSource
from redheart_core.models.model import Model
from redheart_core.models.steps import Progress, shown, silent

if TYPE_CHECKING:
    from redheart_core.training.context import TrainingContext

Sources = Mapping[str, tuple[AnswerSource, ...]]
"""Field to the nodes that answer it, the best first."""
ROWS = 32
"""Records that are answered at once."""


def answers_of_texts(
    model: Model, findings: Sequence[Sequence[Finding]], kinds: Sequence[TextKind]
) -> dict[str, LayerAnswers]:
    """The answers on N texts, by field; NaN of a text that a source does not answer, or one unlike those that it was
    measured on.

    Args:
        model: The model.
        findings: What its plugins say of each text.
        kinds: Of the texts.
    """
    said = [{(one.plugin, one.output, one.field): one for one in own} for own in findings]
    rows = _rows_of_kinds(kinds)
    found = {}
    for name, sources in model.manifest.answers.items():
        field = model.fields[name]
        numbers = dict[str, FloatArray]()
        for source in sources:
            given = np.full((len(findings), len(field.elements)), np.nan)
            place = source.plugin, source.output, name
            measured = None if model.calibration is None else model.calibration.of(*place)
            for row, own in enumerate(said):
                finding = own.get(place)
                kind = kinds[row]
                unlike = measured is not None and kind.is_unlike(measured.measured_kinds(kind.name))
                if finding is not None and not unlike:
                    given[row] = [value.value for value in finding.values]
            numbers[_name(source)] = _calibrated(field, model.calibration, source, given, rows)
        ends = _Ends(field, model.calibration, rows)
        found[name] = _layer_answers(field, sources, model.reads, numbers, ends)
    return found


def add_answers(
    texts: LayerTexts,
    model: Model,
    answers: Sources,
    calibration: Calibration,
    rows: Tensor,
    context: TrainingContext,
    progress: Progress = silent,
) -> LayerTexts:
    """Records of a store with the model's answers, NaN where a source does not answer, and the fields that it needs.

    The model answers as it does in analyze. Fields that its nodes may do without are left out, as texts rarely come
    with them. Groups that read none of these, and have answered the records before, are not asked again.

    Args:
        texts: Of the rows.
        model: Whose manifest lacks the answers and the calibration yet.
        answers: The sources.
        calibration: What makes answers of their numbers.
        rows: Of any split but train.
        context: Of the run.
        progress: Is told how many of the batches are answered.
    """
    store = context.store
    required = {name for group in model.groups for names in group.requires.values() for name in names}
    outputs = _outputs(model, answers, rows, context, required, progress)
    fields = {name: store.target(name)[rows] for name in required}
    present = {name: has_any(numbers).numpy() for name, numbers in fields.items()}
    needs = {node: names for group in model.groups for node, names in group.requires.items()}
    of_kinds = _rows_of_kinds(model.kinds.of(texts.languages, texts.vectors))
    found = {}
    for name, sources in answers.items():
        numbers = dict[str, FloatArray]()
        for source in sources:
            said = np.array([source.speaks(code) for code in texts.languages], bool)
            for field in needs.get(source.plugin, ()):
                said &= present[field]
            given = np.where(said[:, None], outputs[_name(source)].reshape(len(rows), -1), np.nan)
            numbers[_name(source)] = _calibrated(store.fields[name], calibration, source, given, of_kinds)
        ends = _Ends(store.fields[name], calibration, of_kinds)
        found[name] = _layer_answers(store.fields[name], sources, model.reads, numbers, ends)
    seen = {name: numbers.double().numpy() for name, numbers in fields.items() if not store.fields[name].text}
    return attrs.evolve(texts, answers=found, fields=seen)


def _outputs(
    model: Model,
    answers: Sources,
    rows: Tensor,
    context: TrainingContext,
    required: Collection[str],
    progress: Progress,
) -> dict[str, FloatArray]:
    """What the sources give, "node.output" to (N, *shape); texts of similar length are answered together."""
    store, wanted = context.store, sorted({_name(source) for sources in answers.values() for source in sources})
    known = _known(model, wanted, rows, context, required)
    order = store.chunk_counts[rows].argsort(stable=True)
    parts = []
    for places in shown(progress, "limits", torch.split(order, ROWS)):
        some = rows[places]
        fields = {name: store.target(name)[some] for name in model.read_fields}
        fields = {name: one if name in required else torch.full_like(one, torch.nan) for name, one in fields.items()}
        embedding, mask = store.batch(some)
        answered = {
            group: {name: kept.batch(name, some, mask.shape[1]) for name in kept.names} for group, kept in known.items()
        }
        outputs = model.predict(
            embedding,
            mask,
            fields,
            torch.from_numpy(store.term_matrix(some).toarray()) if model.terms else None,
            {view: store.token_batch(some, view) for view in model.tokenizers},
            store.language_numbers[some],
            answered,
        )
        parts.append({name: outputs[name].double().numpy() for name in wanted})
    back = order.argsort().numpy()
    return {name: np.concatenate([part[name] for part in parts])[back] for name in wanted}


def _known(
    model: Model, wanted: Collection[str], rows: Tensor, context: TrainingContext, required: Collection[str]
) -> dict[str, LowerOutputs]:
    """By group what it has said of these records before, if it does not depend on a field that is left out here."""
    store, found = context.store, dict[str, LowerOutputs]()
    optional = [name for name in model.read_fields if name not in required]
    left_out = {name for name in optional if bool(has_any(store.target(name)[rows]).any())}
    for group in context.groups:
        if left_out & {*group.fields} or not found.keys() >= {*group.reads}:
            continue
        own = {node.name for node in group.nodes}
        names = {*context.read_outputs(group), *(name for name in wanted if name.partition(".")[0] in own)}
        outputs = context.known_outputs(group, model.modules[group.name], names, rows)
        if outputs is not None:
            context.source.add_lower(outputs)
            found[group.name] = outputs
    return found


@attrs.frozen
class _Ends:
    """Makes the intervals of answers on a field."""

    field: Field
    calibration: Calibration | None
    rows: Mapping[str, NDArray[np.bool_]]
    """Kind of text to those of N texts that are of it."""

    def around(self, source: AnswerSource, numbers: FloatArray) -> FloatArray:
        """(N, L) calibrated numbers to (2, N, L); NaN where there are no intervals."""
        found = np.full((2, *numbers.shape), np.nan)
        own = None if self.calibration is None else self.calibration.of(source.plugin, source.output, self.field.name)
        if own is None:
            return found
        for kind, rows in self.rows.items():
            found[:, rows] = intervals(self.field, own.at(kind), numbers[rows])
        return found


def _layer_answers(
    field: Field,
    sources: Sequence[AnswerSource],
    reads: Mapping[str, frozenset[str]],
    numbers: Mapping[str, FloatArray],
    ends: _Ends,
) -> LayerAnswers:
    """The first source that says something answers; its members, or all sources of a field that none fuses."""
    names = [_name(source) for source in sources]
    answer = numbers[names[0]]
    between = ends.around(sources[0], answer)
    for source, name in zip(sources[1:], names[1:], strict=True):
        silent = np.isnan(answer).all(1, keepdims=True)
        if not silent.any():
            break
        answer = np.where(silent, numbers[name], answer)
        between = np.where(silent, ends.around(source, numbers[name]), between)
    if sources[0].fused:
        names = [name for name in names if name in reads[sources[0].plugin]]
    members = {name: numbers[name] for name in names}
    return LayerAnswers(field, answer, between, members, np.empty((len(answer), 0, answer.shape[1])))


def _calibrated(
    field: Field,
    calibration: Calibration | None,
    source: AnswerSource,
    given: FloatArray,
    rows: Mapping[str, NDArray[np.bool_]],
) -> FloatArray:
    """Numbers (N, L) at the temperature of each text's kind; as they are where the calibration has none."""
    own = None if calibration is None else calibration.of(source.plugin, source.output, field.name)
    temperatures = {} if own is None else {kind: own.at(kind).temperature for kind in rows}
    if not any(temperatures.values()):
        return given
    found, said = given.copy(), ~np.isnan(given).any(1)
    for kind, temperature in temperatures.items():
        known = rows[kind] & said
        if known.any():
            found[known] = at_temperature(field, given[known], temperature)
    return found


def _rows_of_kinds(kinds: Sequence[TextKind]) -> dict[str, NDArray[np.bool_]]:
    """The name of each kind of N texts to those that are of it, (N,)."""
    return {name: np.array([one.name == name for one in kinds]) for name in {one.name for one in kinds}}


def _name(source: AnswerSource) -> str:
    return f"{source.plugin}.{source.output}"
