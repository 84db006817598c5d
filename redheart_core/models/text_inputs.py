"""What a model reads of a text: vectors of its chunks, and the fields of its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.contract.tensors import has_any
from redheart_core.data.contents import field_text
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import Language
from redheart_core.models.model import Model


@attrs.frozen
class TextToAnalyze:
    """A text with what is known of it."""

    text: str
    """As check_text gives it."""
    where: str
    """Names the text in errors."""
    values: Mapping[str, object]
    """Fields of its record, name to raw value as in a data set."""
    language: Language


@attrs.frozen(eq=False)
class ReadText:
    """A text as a model reads it."""

    given: TextToAnalyze
    vectors: NDArray[np.float32]
    """(T, D) of its chunks."""
    fields: Mapping[str, Tensor]
    """Each of the model's read_fields to (1, *shape), NaN where missing."""

    @property
    def present(self) -> set[str]:
        """Fields that have a number."""
        return {name for name, tensor in self.fields.items() if bool(has_any(tensor).all())}


def read_texts(model: Model, encoder: TextEncoder, texts: Sequence[TextToAnalyze]) -> list[ReadText | DataError]:
    """What a model reads of each text, or why it cannot read it.

    Args:
        model: The model.
        encoder: Its own.
        texts: They are encoded together.
    """
    vectors = [np.zeros((1, 0), np.float32)] * len(texts)  # of records without texts
    if encoder.parts:
        vectors = encoder.encode_texts([one.text for one in texts])
    return [_read(model, encoder, one, own) for one, own in zip(texts, vectors, strict=True)]


def _read(
    model: Model, encoder: TextEncoder, given: TextToAnalyze, vectors: NDArray[np.float32]
) -> ReadText | DataError:
    try:
        if encoder.parts:
            encoder.require_known(vectors, given.where)
        return ReadText(given, vectors, field_numbers(model, encoder, given.values, given.where))
    except DataError as error:
        return error


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
