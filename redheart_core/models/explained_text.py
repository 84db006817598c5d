"""A text as explanations see it: what a model answers it, and what the model would answer else.

Shapes: N texts or sets of members, L numbers of a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.explanations import ExplainedAnswer
from redheart_core.data.batch import Batch
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import Language, language_number
from redheart_core.data.text import chunk_text
from redheart_core.exact.numbers import FloatArray
from redheart_core.models.calibration import at_temperature
from redheart_core.models.findings import Answer
from redheart_core.models.model import Model

ROWS = 32
"""Texts that are answered at once."""


@attrs.frozen(eq=False, slots=False)
class AnsweredText:
    """A text that a model has answered; an ExplainedText."""

    model: Model
    encoder: TextEncoder
    """The model's own."""
    text: str
    """Checked."""
    given: Sequence[Answer]
    """On the text."""
    fields: Mapping[str, Tensor]
    """Each of the model's read_fields to (1, *shape), NaN where missing."""
    language: Language

    @cached_property
    def answers(self) -> Mapping[str, ExplainedAnswer]:
        """By field."""
        return {one.field: _explained(one) for one in self.given}

    def of_texts(self, texts: Sequence[str]) -> dict[str, FloatArray]:
        """What the model answers to other texts with the same fields in the same language, (N, L) by field.

        NaN for a text of which the encoder knows nothing.
        """
        found = {one.field: np.full((len(texts), len(one.about.elements)), np.nan) for one in self.given}
        readable = [place for place, text in enumerate(texts) if any(char.isalpha() for char in text)]
        for start in range(0, len(readable), ROWS):
            places, outputs = self._outputs(texts, readable[start : start + ROWS])
            for one in self.given if places else ():
                own = outputs[f"{one.finding.plugin}.{one.finding.output}"].double().reshape(len(places), -1).numpy()
                found[one.field][places] = at_temperature(one.about, own, _temperature(one))
        return found

    @torch.no_grad()
    def of_members(self, field: str, members: NDArray[np.float64]) -> FloatArray:
        """What the fusion of a field makes of other numbers for its members, (N, members, L) to (N, L).

        Everything else that it reads stays as it is on the text.
        """
        answer, device = next(one for one in self.given if one.field == field), self.model.device
        rows, name = len(members), f"{answer.finding.plugin}.{answer.finding.output}"
        inputs = {key: one.expand(rows, *one.shape[1:]).clone().to(device) for key, one in self._known.items()}
        for place, one in enumerate(answer.members):
            old = inputs[f"{one.plugin}.{one.output}"]
            old[:] = torch.from_numpy(members[:, place]).to(old).reshape(old.shape)
        outputs = self.model.modules[answer.finding.group](Batch(inputs=inputs, targets={}))
        return at_temperature(
            answer.about, outputs[name].double().cpu().reshape(rows, -1).numpy(), _temperature(answer)
        )

    @cached_property
    def _known(self) -> Mapping[str, Tensor]:
        """All that the nodes of the model read and give on the text."""
        embedding = self.encoder.encode_text(self.text, "text")
        known: dict[str, Tensor] = {
            "embedding": embedding,
            "mask": torch.ones(embedding.shape[:2], dtype=torch.bool),
            "language": torch.tensor([language_number(self.language.code)]),
            **self.fields,
        }
        terms = self.model.terms.vector(self.text) if self.model.terms else None
        tokens = self.model.tokens_of([self.text])
        outputs = self.model.predict(embedding, known["mask"], self.fields, terms, tokens, known["language"])
        return known | ({} if terms is None else {"terms": terms}) | tokens | outputs

    def _outputs(self, texts: Sequence[str], places: Sequence[int]) -> tuple[list[int], dict[str, Tensor]]:
        """Those places of texts of which the encoder knows something, and what the model gives on these."""
        chunks = [chunk_text(texts[place], self.encoder.chunk_chars) for place in places]
        vectors = self.encoder.encode([chunk for one in chunks for chunk in one])
        embedding, mask = _padded(vectors, [len(one) for one in chunks])
        known = embedding.flatten(1).any(1)
        places = [place for place, one in zip(places, known.tolist(), strict=True) if one]
        some = [texts[place] for place in places]
        if not some:
            return [], {}
        return places, self.model.predict(
            embedding[known],
            mask[known],
            {name: tensor.expand(len(some), *tensor.shape[1:]) for name, tensor in self.fields.items()},
            torch.from_numpy(self.model.terms.weigh(some).toarray()) if self.model.terms else None,
            self.model.tokens_of(some),
            torch.full((len(some),), language_number(self.language.code)),
        )


def _explained(answer: Answer) -> ExplainedAnswer:
    """An answer as explanations see it, its numbers in the order of the field's elements."""
    values = {one.label: one for one in answer.values}
    ordered = [values[label] for label in answer.about.elements]
    members = {
        f"{one.plugin}.{one.output}": np.array([value.value for value in one.values], np.float64)
        for one in (answer.members if answer.fused else ())
    }
    return ExplainedAnswer(
        field=answer.about,
        value=_numbers([one.value for one in ordered]),
        usual=_numbers([one.training_mean for one in ordered]),
        between=np.stack([_numbers([one.low for one in ordered]), _numbers([one.high for one in ordered])]),
        threshold=_numbers([one.threshold for one in ordered]),
        members=members,
    )


def _numbers(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if one is None else one for one in values], np.float64)


def _temperature(answer: Answer) -> float | None:
    return None if answer.certainty is None else answer.certainty.temperature


def _padded(vectors: NDArray[np.float32], counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Vectors of the chunks of several texts to (B, T, D) and (B, T), zeros after each text's last chunk."""
    mask = torch.arange(max(counts)).unsqueeze(0) < torch.tensor(counts).unsqueeze(1)
    embedding = torch.zeros(*mask.shape, vectors.shape[1])
    embedding[mask] = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
    return embedding, mask
