"""Stacked answers.

Shapes: B records, M members that answer a field, L numbers of the field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from redheart_core import Field
from redheart_core.nn.answers import from_probabilities, from_values, is_values, size_of
from redheart_core.nn.named import Named
from redheart_stacking_fusion.candidates import CANDIDATES, Choice
from redheart_stacking_fusion.evidence import LEAST


class Stack(nn.Module):
    """Members (M, B, L) to (B, L); the weights are set by a fit and get no gradient.

    Attributes:
        weight: (M, L); for values (M + 1, L), the last row the intercept.
        choice: int64, the place in CANDIDATES of how the weights were found.
        cross_fitted: (C,) the loss of each candidate on records that its weights had not seen.
        standard_error: (C,) that of its difference from the least one.
    """

    choice: Tensor
    cross_fitted: Tensor
    standard_error: Tensor

    def __init__(self, members: int, size: int, intercept: bool) -> None:
        super().__init__()
        self.intercept = intercept
        self.weight = nn.Parameter(torch.zeros(members + intercept, size), requires_grad=False)
        self.register_buffer("choice", torch.zeros((), dtype=torch.int64))
        self.register_buffer("cross_fitted", torch.zeros(len(CANDIDATES)))
        self.register_buffer("standard_error", torch.zeros(len(CANDIDATES)))

    def forward(self, members: Tensor) -> Tensor:
        weight, intercept = (self.weight[:-1], self.weight[-1]) if self.intercept else (self.weight, 0.0)
        return (members * weight.unsqueeze(1)).sum(0) + intercept

    def set(self, choice: Choice, weights: NDArray[np.float64]) -> None:
        """Take over weights in the field's own unit, and how they were chosen."""
        self.weight.copy_(_tensor(weights))
        self.choice.fill_(CANDIDATES.index(choice.candidate))
        self.cross_fitted.copy_(_tensor(choice.losses))
        self.standard_error.copy_(_tensor(choice.standard_errors))


class StackingFusion(nn.Module):
    """One stack per field.

    Args:
        fields: The fields to answer.
        members: Field to the inputs that answer it, "node.output".
    """

    def __init__(self, fields: Sequence[Field], members: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.members = {field.name: tuple(members[field.name]) for field in fields}
        self.stacks = Named(
            {field.name: Stack(len(self.members[field.name]), size_of(field), is_values(field)) for field in fields}
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            members = torch.stack([inputs[name] for name in self.members[field.name]])
            members = members if is_values(field) else members.clamp(LEAST, 1 - LEAST)
            members = members if field.labels else members.unsqueeze(-1)
            outputs |= answer(field, self.stacks[field.name](members))
        return outputs


def answer(field: Field, mixed: Tensor) -> dict[str, Tensor]:
    """A mixture (B, L) to the outputs of a field; distributions and shares are divided by their sum."""
    return from_values(field, mixed) if is_values(field) else from_probabilities(field, mixed)


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values)
