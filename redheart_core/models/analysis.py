"""One text to findings: every evaluated output with its label names, its source and its distance from the usual."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.contract.fields import Field
from redheart_core.contract.layers import LayerTexts
from redheart_core.contract.tensors import has_any
from redheart_core.data.contents import field_text
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import UNDETERMINED, Language, detect, language_number
from redheart_core.groups.group import Group
from redheart_core.models.abstaining import Place, Silence, silences
from redheart_core.models.certainty import calibrated, leading
from redheart_core.models.findings import Answer, Certainty, Finding, LabelValue
from redheart_core.models.limits import Reading
from redheart_core.models.model import Model
from redheart_core.nn.answers import is_values


@attrs.frozen
class Analyzed:
    """What a model's plugins and layers say of a text."""

    findings: tuple[Finding, ...]
    silent: Mapping[Place, Silence]
    """Sources that do not answer, with the reason."""
    readings: tuple[Reading, ...]
    """Of the layers, in the order of the model."""


def answer_fields(model: Model, findings: Sequence[Finding], code: str | None = None) -> tuple[Answer, ...]:
    """One answer per field, fused ones first, by name: of a field's sources the first that has said something.

    Args:
        model: Whose calibration makes the answers' intervals and sets.
        findings: Of a text.
        code: Of the text's language.
    """
    known = {(finding.plugin, finding.output, finding.field): finding for finding in findings}
    reads = {node.name: set(node.spec.reads) for group in model.groups for node in group.nodes}
    answers = []
    for field, sources in model.manifest.answers.items():
        said = [source for source in sources if (source.plugin, source.output, field) in known]
        if not said:
            continue
        finding, *others = (known[source.plugin, source.output, field] for source in said)
        if said[0].fused:
            others = [other for other in others if f"{other.plugin}.{other.output}" in reads[finding.plugin]]
        values, certainty = _calibrated(model, finding, code)
        values = _most_telling_first(model.fields[field], values)
        answers.append(Answer(field, model.fields[field], finding, said[0].fused, values, tuple(others), certainty))
    return tuple(sorted(answers, key=lambda answer: not answer.fused))


def _calibrated(model: Model, finding: Finding, code: str | None) -> tuple[tuple[LabelValue, ...], Certainty | None]:
    """The numbers of a finding with what the calibration makes of them; as they are where it has nothing on it."""
    calibration, field = model.calibration, finding.field
    source = calibration.of(finding.plugin, finding.output, field) if calibration is not None else None
    if calibration is None or source is None:
        return finding.values, None
    own, about = source.in_language(code), model.fields[field]
    values = tuple(calibrated(about, own, finding.values, model.manifest.statistics[field]))
    return values, Certainty(calibration.alpha, own.records, own.temperature, leading(about, own, values))


def analyze(
    model: Model,
    encoder: TextEncoder,
    text: str,
    where: str = "text",
    values: Mapping[str, object] | None = None,
    language: Language | None = None,
) -> Analyzed:
    """Everything that the model's plugins have been evaluated on, for one text.

    A plugin that reads a field which is not among the values says nothing, and neither does one that was not measured
    on texts of the language, nor any on a text that a layer finds beyond what the model knows;
    redheart_core.models.abstaining gives the reasons. One whose group was taken at epoch 0 says what the baseline says,
    and nothing else.

    Args:
        model: An assembled model.
        encoder: The model's own encoder, verified.
        text: 1 to 100,000 characters with at least one letter.
        where: Names the text in errors.
        values: Fields of the record beside the text, name to raw value as in a data set.
        language: Of the text; detected if left out.

    Raises:
        DataError: The text or a value is in a form that cannot be analyzed; the message gives the reason.
    """
    embedding = encoder.encode_text(text, where)
    fields = field_numbers(model, encoder, values or {}, where)
    present = {name for name, tensor in fields.items() if bool(has_any(tensor).all())}
    spoken = detect(text, model.languages) if language is None else language
    readings = _readings(model, text, embedding, spoken)
    silent = silences(model, spoken, model.missing_fields(present), readings)
    if any(reading.beyond for reading in readings):
        return Analyzed((), silent, readings)
    terms = model.terms.vector(text) if model.terms else None
    tokens = model.tokenizer.vector(text) if model.tokenizer else None
    mask = torch.ones(embedding.shape[:2], dtype=torch.bool)
    number = torch.tensor([language_number(spoken.code)])
    outputs, spreads = model.predict_with_disagreement(embedding, mask, fields, terms, tokens, number)
    found = _findings(model, outputs, spreads, silent)
    return Analyzed(tuple(found if len(embedding[0]) == 1 else _with_warnings(model, found)), silent, readings)


def _readings(model: Model, text: str, embedding: Tensor, language: Language) -> tuple[Reading, ...]:
    """What the model's layers say of a text."""
    if not model.limits:
        return ()
    known = np.full((1, 2), np.nan) if model.terms is None else model.terms.known([text])
    texts = LayerTexts([text], [language.code or UNDETERMINED], embedding.mean(1).numpy(), known)
    return tuple(layer.read(texts) for layer in model.limits)


def field_numbers(model: Model, encoder: TextEncoder, values: Mapping[str, object], where: str) -> dict[str, Tensor]:
    """The fields that a model reads beside the text, (1, *shape) each, NaN where missing.

    Args:
        model: The model.
        encoder: The model's own, for fields that are texts.
        values: Field to raw value.
        where: Names the text in errors.

    Raises:
        DataError: A value is in another form, or the model reads no such field.
    """
    unknown = sorted(values.keys() - set(model.read_fields))
    if unknown:
        known = ", ".join(model.read_fields) or "none"
        raise DataError(f"{where}: the model reads no field {', '.join(unknown)} (fields that it reads: {known})")
    return {name: _numbers(model, encoder, name, values.get(name), where) for name in model.read_fields}


def _numbers(model: Model, encoder: TextEncoder, name: str, value: object, where: str) -> Tensor:
    """A field of the record as a plugin reads it, (1, *shape)."""
    field = model.fields[name]
    if not field.text:
        return torch.from_numpy(field.to_numbers(value, where)).unsqueeze(0)
    text = field_text(field, value, where)
    if text is None:
        return torch.full((1, encoder.width), torch.nan)
    return encoder.mean_of_text(text, f"{where}, {name}")


def _findings(
    model: Model, outputs: Mapping[str, Tensor], spreads: Mapping[str, Tensor], silent: Collection[Place]
) -> Iterator[Finding]:
    for group in model.groups:
        if group.name in model.absent:
            continue
        thresholds = model.manifest.groups[group.name].thresholds
        module = model.modules[group.name]
        for node in group.nodes:
            objective = module.objectives.get(node.name)
            evaluated = {(m.output, m.target): None for m in objective.metrics} if objective else {}
            if model.manifest.groups[group.name].epoch == 0:  # all else is untrained there
                evaluated = {pair: None for pair in evaluated if pair[0] == pair[1] in node.residual_fields}
            for output, target in evaluated:
                if (node.name, output, target) in silent:
                    continue
                name = f"{node.name}.{output}"
                numbers = outputs[name].reshape(-1).tolist()
                limits = thresholds.get(name, [None] * len(numbers))
                apart = spreads[name].reshape(-1).tolist() if name in spreads else [None] * len(numbers)
                statistics = model.manifest.statistics[target]
                values = tuple(
                    LabelValue(
                        label, number, statistics[label].mean, statistics[label].deviations(number), limit, spread
                    )
                    for label, number, limit, spread in zip(
                        model.fields[target].elements, numbers, limits, apart, strict=True
                    )
                )
                epoch = model.manifest.groups[group.name].epoch
                unit = model.fields[target].unit if node.spec.output(output).form == "values" else "1"
                yield Finding(node.name, output, target, group.name, epoch, unit, values)


def _with_warnings(model: Model, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings on a text of several chunks: parts of a group may never have seen one."""
    warnings = {group.name: _warning(model, group) for group in model.groups}
    for finding in findings:
        yield attrs.evolve(finding, warning=warnings[finding.group])


def _warning(model: Model, group: Group) -> str:
    names = model.untrained(group)
    if not names:
        return ""
    count = sum(len(model.manifest.groups[name].untrained) for name in names)
    return (
        f"group {', '.join(names)} was trained on texts of one chunk, and this text has several: {count} parameters "
        f"that weigh and order chunks have their initial values; give a text of at most "
        f"{model.encoder_identity.chunk_chars} characters, or train on longer ones"
    )


def _most_telling_first(field: Field, values: Sequence[LabelValue]) -> tuple[LabelValue, ...]:
    """Equal ones stay in the order of the labels, as do places on axes."""
    if field.axes:
        return tuple(values)
    if is_values(field):
        return tuple(sorted(values, key=lambda one: -abs(one.deviations or 0.0)))
    return tuple(sorted(values, key=lambda one: -one.value))
