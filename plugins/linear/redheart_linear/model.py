"""Linear maps of the terms.

Shapes: B records, V terms, L raw numbers of a field's answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from redheart_core import Field
from redheart_core.answers import finish, from_values, is_values, size_of


class LinearMap(nn.Module):
    """terms (B, V) to (B, L); the weights are set by a fit and get no gradient."""

    def __init__(self, terms: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(terms, size), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(size), requires_grad=False)

    def forward(self, terms: Tensor) -> Tensor:
        return terms @ self.weight + self.bias

    def set(self, coefficients: NDArray[np.float64]) -> None:
        """Take over (V + 1, L), of which the last row is the bias."""
        found = torch.from_numpy(coefficients)
        self.weight.copy_(found[:-1])
        self.bias.copy_(found[-1])


class Linear(nn.Module):
    """One linear map per field.

    Args:
        terms: V.
        fields: The fields to answer.
    """

    def __init__(self, terms: int, fields: Sequence[Field]) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.maps = nn.ModuleDict({field.name: LinearMap(terms, size_of(field)) for field in fields})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            outputs |= answer(field, self.maps[field.name](inputs["terms"]))
        return outputs


def answer(field: Field, raw: Tensor) -> dict[str, Tensor]:
    """Raw numbers (B, L) to the outputs of a field; values are cut off at the ends of its range."""
    return from_values(field, raw) if is_values(field) else finish(field, raw)
