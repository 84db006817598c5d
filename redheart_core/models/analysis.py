"""Texts to answers: one at a time or many together, by the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from redheart_core.contract.errors import DataError
from redheart_core.contract.fields import Field
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import Language, detect, language_number
from redheart_core.data.term_view import dense_rows
from redheart_core.data.text import check_text
from redheart_core.memory.case import Neighbour
from redheart_core.memory.cases import Cases
from redheart_core.models.abstaining import Place, Silence, silences
from redheart_core.models.calibration import name_of
from redheart_core.models.certainty import calibrated, leading, together
from redheart_core.models.findings import Answer, Certainty, Finding, LabelValue
from redheart_core.models.kinds import TextKind
from redheart_core.models.layer_reading import read_layers, texts_as_seen, with_answers
from redheart_core.models.limits import Reading
from redheart_core.models.model import Model
from redheart_core.models.similar import add_cases, nearest_cases
from redheart_core.models.stakes import Context, read_contexts
from redheart_core.models.text_findings import findings_of_texts
from redheart_core.models.text_inputs import ReadText, TextToAnalyze, read_texts
from redheart_core.nn.answers import is_values
from redheart_core.storage.runtime import plain_kernels

MOST_CHUNKS = 128
"""Of the texts that are answered in one pass, unless one text alone has more."""
MOST_CHUNKS_OF_TOKENS = 16
"""Likewise where a model reads tokens: in larger passes more of them are padding, and their states leave the cache."""


@attrs.frozen
class Analyzed:
    """What a model's plugins and layers say of a text."""

    findings: tuple[Finding, ...]
    silent: Mapping[Place, Silence]
    """Sources that do not answer, with the reason."""
    readings: tuple[Reading, ...]
    """Of the limits, in the order of the model."""
    vectors: NDArray[np.float32] = attrs.field(eq=False, repr=False)
    """(T, D) of the text's chunks."""
    remarks: tuple[Reading, ...] = ()
    """Of the layers that see the answers, likewise; none of a text beyond a limit."""
    context: Context = attrs.field(factory=Context)
    """What the layers of context find in the text."""
    kind: TextKind | None = None
    """Of the text, as the model's kinds have it: whose calibration records its answers rest on."""
    cases: tuple[Neighbour, ...] = ()
    """The nearest cases of a memory; none without one, and of a text beyond a limit."""


def answer_fields(model: Model, findings: Sequence[Finding], kind: TextKind | None = None) -> tuple[Answer, ...]:
    """One answer per field, fused ones first, by name: of a field's sources the first that has said something.

    Args:
        model: Whose calibration makes the answers' intervals and sets.
        findings: Of a text.
        kind: Of the text, as the model's kinds have it.
    """
    known = {(finding.plugin, finding.output, finding.field): finding for finding in findings}
    answers = []
    for field, sources in model.manifest.answers.items():
        said = [source for source in sources if (source.plugin, source.output, field) in known]
        if not said:
            continue
        finding, *others = (known[source.plugin, source.output, field] for source in said)
        if said[0].fused:
            others = [other for other in others if f"{other.plugin}.{other.output}" in model.reads[finding.plugin]]
        values, certainty = _calibrated(model, finding, kind)
        values = _most_telling_first(model.fields[field], values)
        answers.append(Answer(field, model.fields[field], finding, said[0].fused, values, tuple(others), certainty))
    return tuple(sorted(answers, key=lambda answer: not answer.fused))


def _calibrated(
    model: Model, finding: Finding, kind: TextKind | None
) -> tuple[tuple[LabelValue, ...], Certainty | None]:
    """The numbers of a finding with what the calibration makes of them; as they are where it has nothing on it."""
    calibration, field = model.calibration, finding.field
    source = calibration.of(finding.plugin, finding.output, field) if calibration is not None else None
    if calibration is None or source is None:
        return finding.values, None
    name = None if kind is None else kind.name
    own, about = source.at(name), model.fields[field]
    outer = None if finding.outer is None else np.array(finding.outer)
    values = tuple(calibrated(about, own, finding.values, model.manifest.statistics[field], outer))
    sets = leading(about, own, values), together(about, own, values)
    like = name_of(name) if name is not None and name in source.kinds else ""
    measured = source.measured_kinds(name)
    texts, unlike = tuple(map(name_of, measured)), kind is not None and kind.is_unlike(measured)
    return values, Certainty(calibration.alpha, own.records, own.temperature, *sets, like, texts, unlike)


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
    and nothing else, unless it began at a model.

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
    checked = check_text(text, where)
    spoken = detect(checked, model.languages) if language is None else language
    (found,) = analyze_texts(model, encoder, [TextToAnalyze(checked, where, values or {}, spoken)])
    if isinstance(found, DataError):
        raise found
    return found


def analyze_texts(
    model: Model, encoder: TextEncoder, texts: Sequence[TextToAnalyze], cases: Cases | None = None
) -> list[Analyzed | DataError]:
    """The same for many texts, which are encoded together and answered in few passes.

    Each answer is that on the text alone, up to the rounding of another batch.

    Args:
        model: An assembled model.
        encoder: The model's own encoder, verified.
        texts: As many as may be in memory together.
        cases: A memory of the model's encoder, in which the nearest cases are looked up.

    Returns:
        For each text what is said of it, or why it cannot be analyzed.
    """
    read = read_texts(model, encoder, texts)
    found: list[Analyzed | DataError | None] = [one if isinstance(one, DataError) else None for one in read]
    known = [(place, one) for place, one in enumerate(read) if not isinstance(one, DataError)]
    if not known:
        return [one for one in read if isinstance(one, DataError)]
    counts = model.terms.count([one.given.text for _, one in known]) if model.terms else None
    seen = texts_as_seen(model, [one for _, one in known], counts)
    all_readings = read_layers(model, seen, limits=True)
    contexts, kinds = read_contexts(model.contexts, seen), model.kinds_of(seen.languages, seen.vectors)
    weighed = model.terms.weigh_counts(counts) if model.terms else None
    within = []
    for row, ((place, one), readings) in enumerate(zip(known, all_readings, strict=True)):
        silent = silences(model, one.given.language, model.missing_fields(one.present), readings)
        if any(reading.beyond for reading in readings):
            about = contexts[row], kinds[row]
            found[place] = Analyzed((), silent, readings, one.vectors, (), *about)
        else:
            within.append(_Within(place, row, one, silent, readings))
    for batch in _passes(within, MOST_CHUNKS_OF_TOKENS if model.tokenizers else MOST_CHUNKS):
        answered = _answer(model, batch, weighed)
        places, own = [one.row for one in batch], [one.read for one in batch]
        near = [nearest_cases(cases, one.vectors) for one in own]
        of_kinds = [kinds[row] for row in places]
        answers = add_cases(with_answers(model, seen, places, own, answered, of_kinds), near)
        remarks = read_layers(model, answers, limits=False)
        for text, findings, said, nearest in zip(batch, answered, remarks, near, strict=True):
            limits, vectors = text.readings, text.read.vectors
            about = contexts[text.row], kinds[text.row]
            found[text.place] = Analyzed(findings, text.silent, limits, vectors, said, *about, nearest)
    return [one for one in found if one is not None]


@attrs.frozen(eq=False)
class _Within:
    """A text that no limit keeps from being answered."""

    place: int
    """Among all texts."""
    row: int
    """Among those that could be read."""
    read: ReadText
    silent: Mapping[Place, Silence]
    readings: tuple[Reading, ...]


def _answer(model: Model, texts: Sequence[_Within], terms: Any) -> list[tuple[Finding, ...]]:
    """What the plugins say of texts with the same number of chunks, in one pass; terms are those of all texts."""
    read = [one.read for one in texts]
    embedding = torch.from_numpy(np.stack([one.vectors for one in read]))
    with nullcontext() if model.tokenizers else plain_kernels():  # networks that read tokens are large
        outputs, spreads = model.predict_with_disagreement(
            embedding,
            torch.ones(embedding.shape[:2], dtype=torch.bool),
            {name: torch.cat([one.fields[name] for one in read]) for name in model.read_fields},
            None if terms is None else dense_rows(terms, [one.row for one in texts]),
            model.tokens_of([one.given.text for one in read]),
            torch.tensor([language_number(one.given.language.code) for one in read]),
        )
    return findings_of_texts(model, outputs, spreads, [one.silent for one in texts], embedding.shape[1])


def _passes(texts: Sequence[_Within], most: int) -> Iterator[list[_Within]]:
    """Texts that are answered together: as many chunks, so that no chunk is padded, and about as many letters.

    Args:
        texts: All of them.
        most: Chunks of a pass.
    """
    alike: dict[int, list[_Within]] = {}
    for one in sorted(texts, key=lambda one: len(one.read.given.text)):
        alike.setdefault(len(one.read.vectors), []).append(one)
    for chunks, own in alike.items():
        rows = max(1, most // chunks)
        yield from (own[start : start + rows] for start in range(0, len(own), rows))


def _most_telling_first(field: Field, values: Sequence[LabelValue]) -> tuple[LabelValue, ...]:
    """Equal ones stay in the order of the labels, as do places on axes."""
    if field.axes:
        return tuple(values)
    if is_values(field):
        return tuple(sorted(values, key=lambda one: -abs(one.deviations or 0.0)))
    return tuple(sorted(values, key=lambda one: -one.value))
