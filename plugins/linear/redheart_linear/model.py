"""Linear maps of the terms and of the mean embedding.

Shapes: B records, T chunks, V terms, D numbers of an embedding, L raw numbers of a field's answer, S numbers of all
answers that are probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from redheart_core import BuildContext, Field
from redheart_core.nn.answers import finish, from_values, is_values, size_of, text_fields
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.named import Named
from redheart_linear.settings import LinearSettings


class LinearMap(nn.Module):
    """terms (B, V) and embedding (B, D) to (B, L); the weights are set by a fit and get no gradient.

    Args:
        terms: V.
        embedding: D.
        size: L.
        half: Weights are numbers that 16 bits hold, and are kept so in checkpoints; in memory they have 32.
    """

    def __init__(self, terms: int, embedding: int, size: int, half: bool = False) -> None:
        super().__init__()
        self.half_precision = half
        self.weight = nn.Parameter(torch.zeros(terms, size), requires_grad=False)
        self.embedding = nn.Parameter(torch.zeros(embedding, size), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(size), requires_grad=False)
        self.register_state_dict_post_hook(_halve)  # type: ignore[no-untyped-call]  # torch gives it no types

    def forward(self, terms: Tensor, embedding: Tensor) -> Tensor:
        return terms @ self.weight.float() + embedding @ self.embedding.float() + self.bias

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """(V + D + 1, L), of which the last row is the bias."""
        parts = (self.weight, self.embedding, self.bias.unsqueeze(0))
        return torch.cat([part.double() for part in parts]).numpy()

    def set(self, coefficients: NDArray[np.float64]) -> None:
        """Take over such coefficients."""
        found, terms = torch.from_numpy(coefficients), len(self.weight)
        if self.half_precision:
            found = torch.cat([found[:-1].half().double(), found[-1:]])
        self.weight.copy_(found[:terms])
        self.embedding.copy_(found[terms:-1])
        self.bias.copy_(found[-1])


def _halve(module: nn.Module, state: dict[str, Any], prefix: str, _: object) -> None:
    """Keep the weights of a map in 16 bits, if it has them so."""
    assert isinstance(module, LinearMap)
    if module.half_precision:
        state |= {prefix + name: state[prefix + name].half() for name in ("weight", "embedding")}


class Transfer(nn.Module):
    """Answers (B, S) to (B, L), without bias; the weights (S, L) are set by a fit and get no gradient."""

    def __init__(self, answers: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(answers, size), requires_grad=False)

    def forward(self, answers: Tensor) -> Tensor:
        return answers @ self.weight


class Linear(nn.Module):
    """One linear map per field.

    Args:
        terms: V.
        embedding: D.
        fields: The fields to answer.
        transfer: Values are also a linear map of the probabilities and their logits.
        half: Weights are kept as 16-bit numbers.
        choice_records: Strengths are chosen on at most so many records; 0 for all. For the fit alone.

    Attributes:
        transfers: Field of values to its map of the answers, in their order.
    """

    def __init__(
        self,
        terms: int,
        embedding: int,
        fields: Sequence[Field],
        transfer: bool = False,
        half: bool = False,
        choice_records: int = 0,
    ) -> None:
        super().__init__()
        self.choice_records = choice_records
        self.fields = tuple(fields)
        self.maps = Named({field.name: LinearMap(terms, embedding, size_of(field), half) for field in fields})
        values = self.values if transfer else ()
        width = 2 * sum(size_of(field) for field in self.sources)
        self.transfers = Named({field.name: Transfer(width, size_of(field)) for field in values})

    @property
    def values(self) -> tuple[Field, ...]:
        """Fields whose answer is the numbers themselves."""
        return tuple(field for field in self.fields if is_values(field))

    @property
    def sources(self) -> tuple[Field, ...]:
        """Fields that are answered with probabilities."""
        return tuple(field for field in self.fields if not is_values(field))

    def map(self, field: Field) -> LinearMap:
        """That of a field."""
        found = self.maps[field.name]
        assert isinstance(found, LinearMap)
        return found

    def transfer(self, field: Field) -> Transfer:
        """That of a field."""
        found = self.transfers[field.name]
        assert isinstance(found, Transfer)
        return found

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields; values are cut off at the ends of their range."""
        outputs: dict[str, Tensor] = {}
        terms, embedding = inputs["terms"], masked_mean(inputs["embedding"], inputs["mask"])
        for field in self.sources:
            outputs |= finish(field, self.map(field)(terms, embedding))
        for field in self.values:
            raw = self.map(field)(terms, embedding)
            if field.name in self.transfers:
                raw = raw + self.transfers[field.name](self.answers(outputs))
            outputs |= from_values(field, raw)
        return outputs

    def answers(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """Of each source the logits and the probabilities, (B, S)."""
        return torch.cat([outputs[name] for field in self.sources for name in (f"{field.name}_logits", field.name)], -1)


def build(context: BuildContext) -> Linear:
    """A map for each field that the data set has."""
    fields, settings = list(text_fields(context).values()), context.settings
    assert isinstance(settings, LinearSettings)
    terms, embedding = context.input_width("terms"), context.input_width("embedding")
    return Linear(terms, embedding, fields, settings.transfer, settings.half, settings.choice_records)
