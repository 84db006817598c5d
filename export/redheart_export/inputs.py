"""What a model is compared or pruned on: texts, or records of its run, as the arguments of Model.predict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.data.batches import BatchSource
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import language_number
from redheart_core.data.term_view import dense_rows
from redheart_core.groups.exporting import dynamic_axes
from redheart_core.models.model import Model
from redheart_core.models.text_inputs import ReadText, TextToAnalyze, read_texts
from redheart_core.training.context import TrainingContext

TOGETHER = 64
"""So many texts are answered in one pass."""
MOST = 1024
"""Training records that a model is pruned on."""


@attrs.frozen(eq=False)
class ModelInputs:
    """Some records as a model reads them."""

    embedding: Tensor
    mask: Tensor
    fields: Mapping[str, Tensor]
    terms: Tensor | None
    tokens: Mapping[str, Tensor]
    """By view."""
    language: Tensor

    def answers(self, model: Model) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """All outputs of a model, and the standard deviations of its ensembles."""
        return model.predict_with_disagreement(
            self.embedding, self.mask, self.fields, self.terms, self.tokens, self.language
        )

    def __len__(self) -> int:
        return len(self.mask)


def inputs_of_texts(model: Model, encoder: TextEncoder, texts: Sequence[TextToAnalyze]) -> Iterator[ModelInputs]:
    """Texts with as many chunks go together, so that no chunk is padded.

    Raises:
        DataError: A text cannot be read.
    """
    alike: dict[int, list[ReadText]] = {}
    for one in read_texts(model, encoder, texts):
        if isinstance(one, DataError):
            raise one
        alike.setdefault(len(one.vectors), []).append(one)
    for own in alike.values():
        for start in range(0, len(own), TOGETHER):
            yield _together(model, own[start : start + TOGETHER])


def _together(model: Model, read: Sequence[ReadText]) -> ModelInputs:
    embedding = torch.from_numpy(np.stack([one.vectors for one in read]))
    texts = [one.given.text for one in read]
    return ModelInputs(
        embedding,
        torch.ones(embedding.shape[:2], dtype=torch.bool),
        {name: torch.cat([one.fields[name] for one in read]) for name in model.read_fields},
        dense_rows(model.terms.weigh(texts), range(len(texts))) if model.terms else None,
        model.tokens_of(texts),
        torch.tensor([language_number(one.given.language.code) for one in read]),
    )


def inputs_of_validation(model: Model, context: TrainingContext) -> Iterator[ModelInputs]:
    """The validation records of a run, in its batches."""
    yield from _of_rows(model, context, context.store.rows("validation"))


def inputs_of_training(model: Model, context: TrainingContext) -> Iterator[ModelInputs]:
    """Training records of a run, MOST of them at the most, evenly spread over all."""
    rows = context.store.rows("train")
    step = -(-len(rows) // MOST)
    yield from _of_rows(model, context, rows[::step])


def _of_rows(model: Model, context: TrainingContext, rows: Tensor) -> Iterator[ModelInputs]:
    for part in context.source.fixed_order(rows):
        yield inputs_of_rows(model, context.source, part)


def inputs_of_rows(model: Model, source: BatchSource, rows: Tensor) -> ModelInputs:
    """Some records of a store, (B,) row numbers, in one batch."""
    names = (*model.read_fields, *(["terms"] if model.terms else []), *model.tokenizers)
    given = source.batch(rows, names).inputs
    fields = {name: given[name] for name in model.read_fields}
    tokens = {view: given[view] for view in model.tokenizers}
    return ModelInputs(given["embedding"], given["mask"], fields, given.get("terms"), tokens, given["language"])


def unpadded(model: Model, inputs: Iterable[ModelInputs], lower: bool) -> Iterator[dict[str, Tensor]]:
    """All that groups read, by name, of a batch of records with as many chunks and tokens as each other.

    Args:
        model: Reads them.
        inputs: The records.
        lower: With the answers of all groups, which others may read.
    """
    for one in inputs:
        known = {"embedding": one.embedding, "mask": one.mask, **one.fields, **one.tokens}
        known |= {} if one.terms is None else {"terms": one.terms}
        known |= one.answers(model)[0] if lower else {}
        counts = {"T": one.mask.sum(1)}
        for view, tokens in one.tokens.items():
            counts[dynamic_axes(view, model.shapes)[1]] = (tokens >= 0).sum(1).clamp(min=1)
        sizes = torch.stack(list(counts.values()), 1)
        for own in torch.unique(sizes, dim=0):
            rows, longest = (sizes == own).all(1), dict(zip(counts, own.tolist(), strict=True))
            part = {"language": one.language[rows]}
            for name, tensor in known.items():
                part[name] = tensor[rows]
                for axis, size in dynamic_axes(name, model.shapes).items():
                    part[name] = part[name].narrow(axis, 0, longest[size])
            yield part
