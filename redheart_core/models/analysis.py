"""One text to findings: every evaluated output with its label names, its source and its distance from the usual."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.contract.fields import Field
from redheart_core.contract.tensors import has_any
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import Language, detect, language_number
from redheart_core.groups.group import Group
from redheart_core.models.abstaining import Place, silences
from redheart_core.models.manifest import LabelStatistics
from redheart_core.models.model import Model
from redheart_core.nn.answers import is_values


@attrs.frozen
class LabelValue:
    """One number of a finding."""

    label: str
    value: float
    training_mean: float | None
    """Mean of the target over the training records that have it; None if none has."""
    deviations: float | None
    """(value - training_mean) / standard deviation of the target; None if that is 0 or unknown."""
    threshold: float | None = None
    """For labels that are 0 or 1: from which probability on the label counts as predicted, chosen on validation."""
    disagreement: float | None = None
    """Of an ensemble: standard deviation of the value over its members."""


@attrs.frozen
class Finding:
    """One output of one plugin for one text."""

    plugin: str
    output: str
    field: str
    """The field whose labels name the numbers."""
    group: str
    epoch: int | None
    """The epoch that the plugin's checkpoint group was taken at; None for a calculator."""
    unit: str
    """Of the field; "1" if it has none, and for probabilities and shares."""
    values: tuple[LabelValue, ...]
    warning: str = ""
    """Why the numbers are not to be relied on; empty if nothing is known against them."""


@attrs.frozen
class Answer:
    """What the model says on one field: one finding, and those that stand behind it."""

    field: str
    about: Field
    """Its meaning, labels and range."""
    finding: Finding
    """Of a fusion of the others, or of the node that is best on validation where no fusion gathers the field."""
    fused: bool
    values: tuple[LabelValue, ...]
    """Those of the finding, the most telling first: probabilities from high to low, other numbers by how many
    deviations they are from the usual."""
    members: tuple[Finding, ...]
    """What was fused; or the other findings, which validation finds worse."""

    @property
    def origin(self) -> str:
        """Whose answer it is, for people."""
        if self.fused:
            return f"{self.finding.plugin} of {len(self.members)}"
        return f"{self.finding.plugin}, best of {1 + len(self.members)}" if self.members else self.finding.plugin


def answer_fields(model: Model, findings: Sequence[Finding]) -> tuple[Answer, ...]:
    """One answer per field, fused ones first, by name: of a field's sources the first that has said something."""
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
        values = _most_telling_first(model.fields[field], finding.values)
        answers.append(Answer(field, model.fields[field], finding, said[0].fused, values, tuple(others)))
    return tuple(sorted(answers, key=lambda answer: not answer.fused))


def analyze(
    model: Model,
    encoder: TextEncoder,
    text: str,
    where: str = "text",
    values: Mapping[str, object] | None = None,
    language: Language | None = None,
) -> tuple[Finding, ...]:
    """Everything that the model's plugins have been evaluated on, for one text.

    A plugin that reads a field which is not among the values says nothing, and neither does one that was not measured
    on texts of the language; redheart_core.models.abstaining gives the reasons. One whose group was taken at epoch 0
    says what the baseline says, and nothing else.

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
    values = values or {}
    unknown = sorted(values.keys() - set(model.read_fields))
    if unknown:
        known = ", ".join(model.read_fields) or "none"
        raise DataError(f"{where}: the model reads no field {', '.join(unknown)} (fields that it reads: {known})")
    fields = {
        name: torch.from_numpy(model.fields[name].to_numbers(values.get(name), where)).unsqueeze(0)
        for name in model.read_fields
    }
    terms = model.terms.vector(text) if model.terms else None
    tokens = model.tokenizer.vector(text) if model.tokenizer else None
    mask = torch.ones(embedding.shape[:2], dtype=torch.bool)
    spoken = detect(text, model.languages) if language is None else language
    number = torch.tensor([language_number(spoken.code)])
    outputs, spreads = model.predict_with_disagreement(embedding, mask, fields, terms, tokens, number)
    present = {name for name, tensor in fields.items() if bool(has_any(tensor).all())}
    silent = silences(model, spoken, model.missing_fields(present))
    found = _findings(model, outputs, spreads, silent)
    return tuple(found if len(embedding[0]) == 1 else _with_warnings(model, found))


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
                        label, number, statistics[label].mean, _deviations(number, statistics[label]), limit, spread
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


def _deviations(number: float, statistics: LabelStatistics) -> float | None:
    mean, spread = statistics.mean, statistics.std
    return (number - mean) / spread if mean is not None and spread else None
