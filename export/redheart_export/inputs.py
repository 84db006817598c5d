"""What the answers of two engines are compared on: texts, or validation records, as the arguments of Model.predict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import language_number
from redheart_core.models.model import Model
from redheart_core.models.text_inputs import ReadText, TextToAnalyze, read_texts
from redheart_core.training.context import TrainingContext

TOGETHER = 64
"""So many texts are answered in one pass."""


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
        model.terms.dense(model.terms.count(texts)) if model.terms else None,
        model.tokens_of(texts),
        torch.tensor([language_number(one.given.language.code) for one in read]),
    )


def inputs_of_validation(model: Model, context: TrainingContext) -> Iterator[ModelInputs]:
    """The validation records of a run, in its batches."""
    names = (*model.read_fields, *(["terms"] if model.terms else []), *model.tokenizers)
    for rows in context.source.fixed_order(context.store.rows("validation")):
        given = context.source.batch(rows, names).inputs
        fields = {name: given[name] for name in model.read_fields}
        tokens = {view: given[view] for view in model.tokenizers}
        yield ModelInputs(given["embedding"], given["mask"], fields, given.get("terms"), tokens, given["language"])
