"""Reasons of an answer: what each part of a text adds to it, and which parts it hangs on.

The worth of some parts of a text is what the model answers to them alone; that of no part is the mean over the training
records, which is what one says of a text that one has not read. What a part adds is its Shapley value, computed from
all sets of parts, so that the contributions sum to the answer's difference from the mean.

Shapes: B sets of parts, N numbers of all answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import Language, language_number
from redheart_core.data.sentences import sentence_spans
from redheart_core.data.text import chunk_text
from redheart_core.data.tokenizer import pad
from redheart_core.exact.shapley import shapley_values
from redheart_core.models.calibration import at_temperature
from redheart_core.models.findings import Answer, LabelValue
from redheart_core.models.model import Model

MOST_PARTS = 8
"""Of a text; the number of sets doubles with each."""
ROWS = 32
"""Texts that are answered at once."""


@attrs.frozen
class Reason:
    """Why a number of an answer is as it is."""

    field: str
    label: str
    usual: float
    """Mean over the training records: the answer to no text at all."""
    value: float
    """The answer to the whole text."""
    contributions: tuple[float, ...]
    """Of each part of the text; their sum is value - usual."""
    turning: tuple[int, ...] | None
    """Numbers of the fewest parts without which the answer turns: a label of 0 or 1 falls on the other side of its
    threshold, another number leaves its interval. None if it never does, and where there is no interval."""


@attrs.frozen
class Reasons:
    """Reasons of all answers on a text."""

    parts: tuple[str, ...]
    """The text's sentences, or words where it has one sentence; neighbours are joined where there are many."""
    reasons: tuple[Reason, ...]


def explain(
    model: Model,
    encoder: TextEncoder,
    text: str,
    answers: Sequence[Answer],
    fields: Mapping[str, Tensor],
    language: Language,
) -> Reasons:
    """Reasons of the answers that analyze gave on a text.

    Args:
        model: The model.
        encoder: The model's own.
        text: Checked.
        answers: On the text.
        fields: Each of the model's read_fields to (1, *shape), NaN where missing.
        language: Of the text.
    """
    parts = tuple(text[start:end] for start, end in part_spans(text))
    texts = [_joined(parts, number) for number in range(1, (1 << len(parts)) - 1)]
    said = list(_outputs(model, encoder, texts, fields, language))
    return Reasons(parts, tuple(reason for answer in answers for reason in _reasons(answer, said, len(parts))))


def _reasons(answer: Answer, said: Sequence[tuple[list[int], dict[str, Tensor]]], parts: int) -> Iterator[Reason]:
    """Of each number of an answer whose mean is known, in the order of the field's elements."""
    name, finding = f"{answer.finding.plugin}.{answer.finding.output}", answer.finding
    given = {value.label: value for value in answer.values}
    numbers = [given[value.label] for value in finding.values]
    worth = np.empty((1 << parts, len(numbers)))
    worth[:] = [np.nan if one.training_mean is None else one.training_mean for one in numbers]
    worth[-1] = [one.value for one in numbers]
    temperature = None if answer.certainty is None else answer.certainty.temperature
    for places, outputs in said:
        own = outputs[name].double().reshape(len(places), -1).numpy()
        worth[[1 + place for place in places]] = at_temperature(answer.about, own, temperature)
    contributions = shapley_values(worth)
    for column, number in enumerate(numbers):
        if number.training_mean is not None:
            yield Reason(
                field=answer.field,
                label=number.label,
                usual=number.training_mean,
                value=number.value,
                contributions=tuple(contributions[:, column].tolist()),
                turning=_turning(worth[:, column], number),
            )


def part_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Beginning and end of the parts of a text: its sentences, or its words where it is one; at most MOST_PARTS."""
    spans = tuple(sentence_spans(text))
    if len(spans) < 2:
        spans = tuple(_words(text))
    ends = [round(len(spans) * number / MOST_PARTS) for number in range(MOST_PARTS + 1)]
    if len(spans) <= MOST_PARTS:
        return spans
    return tuple((spans[first][0], spans[last - 1][1]) for first, last in itertools.pairwise(ends))


def _words(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for word in text.split():
        start = text.index(word, start)
        yield start, start + len(word)
        start += len(word)


def _joined(parts: Sequence[str], number: int) -> str:
    """The parts of a set, of which bit i of its number says whether part i is in it."""
    return " ".join(part for place, part in enumerate(parts) if number >> place & 1)


def _outputs(
    model: Model, encoder: TextEncoder, texts: Sequence[str], fields: Mapping[str, Tensor], language: Language
) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
    """What the model answers to those texts of which the encoder knows something: their places, and all outputs."""
    readable = [place for place, text in enumerate(texts) if any(char.isalpha() for char in text)]
    for start in range(0, len(readable), ROWS):
        places = readable[start : start + ROWS]
        chunks = [chunk_text(texts[place], encoder.chunk_chars) for place in places]
        vectors = encoder.encode([chunk for one in chunks for chunk in one])
        embedding, mask = _padded(vectors, [len(one) for one in chunks])
        known = embedding.flatten(1).any(1)
        places = [place for place, one in zip(places, known.tolist(), strict=True) if one]
        some = [texts[place] for place in places]
        if some:
            yield (
                places,
                model.predict(
                    embedding[known],
                    mask[known],
                    {name: tensor.expand(len(some), *tensor.shape[1:]) for name, tensor in fields.items()},
                    torch.from_numpy(model.terms.weigh(some).toarray()) if model.terms else None,
                    pad(model.tokenizer.encode(some)) if model.tokenizer else None,
                    torch.full((len(some),), language_number(language.code)),
                ),
            )


def _padded(vectors: NDArray[Any], counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Vectors of the chunks of several texts to (B, T, D) and (B, T), zeros after each text's last chunk."""
    mask = torch.arange(max(counts)).unsqueeze(0) < torch.tensor(counts).unsqueeze(1)
    embedding = torch.zeros(*mask.shape, vectors.shape[1])
    embedding[mask] = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
    return embedding, mask


def _turning(worth: NDArray[np.float64], given: LabelValue) -> tuple[int, ...] | None:
    """The fewest parts without which the answer turns; of several the most telling."""
    parts = len(worth).bit_length() - 1
    for size in range(1, parts):
        turned = [
            (abs(worth[_without(gone, parts)] - given.value), gone)
            for gone in itertools.combinations(range(parts), size)
            if _turns(worth[_without(gone, parts)], given)
        ]
        if turned:
            return max(turned)[1]
    return None


def _turns(number: float, given: LabelValue) -> bool:
    """Whether a number is on the other side of the label's threshold, or outside of the answer's interval."""
    if given.threshold is not None:
        return (number >= given.threshold) != (given.value >= given.threshold)
    return given.low is not None and given.high is not None and not given.low <= number <= given.high


def _without(gone: Sequence[int], parts: int) -> int:
    return (1 << parts) - 1 - sum(1 << place for place in gone)
