"""Stacked answers.

Shapes: B records, M members that answer a field, L numbers of the field.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

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
    """One stack per field of all its members; and one of those that always answer, for records on which others do not.

    Args:
        fields: The fields to answer.
        members: Field to the inputs that answer it, "node.output".
        absent: Inputs that may be NaN for a record.
    """

    def __init__(
        self, fields: Sequence[Field], members: Mapping[str, Sequence[str]], absent: Collection[str] = ()
    ) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.members = {field.name: tuple(members[field.name]) for field in fields}
        certain = {
            name: [place for place, member in enumerate(given) if member not in absent]
            for name, given in self.members.items()
        }
        self.certain = {name: places for name, places in certain.items() if 0 < len(places) < len(self.members[name])}
        """The places of the members that always answer, of fields that some members may not answer."""
        self.stacks = Named({field.name: _stack(field, len(self.members[field.name])) for field in fields})
        self.others = Named(
            {field.name: _stack(field, len(self.certain[field.name])) for field in fields if field.name in self.certain}
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            members = torch.stack([inputs[name] for name in self.members[field.name]])
            members = members if is_values(field) else members.clamp(LEAST, 1 - LEAST)
            members = members if field.labels else members.unsqueeze(-1)
            mixed = self.stacks[field.name](members)
            complete = ~members.isnan().any(-1).any(0).unsqueeze(-1)
            if not bool(complete.all()):
                mixed = torch.where(complete, mixed, self._of_others(field, members))
            outputs |= answer(field, mixed)
        return outputs

    def _of_others(self, field: Field, members: Tensor) -> Tensor:
        """Out of the members that always answer; the mean of those that do where none always does."""
        if field.name not in self.certain:
            return members.nanmean(0)
        mixed: Tensor = self.others[field.name](members[self.certain[field.name]])
        return mixed


def _stack(field: Field, members: int) -> Stack:
    return Stack(members, size_of(field), is_values(field))


def answer(field: Field, mixed: Tensor) -> dict[str, Tensor]:
    """A mixture (B, L) to the outputs of a field; distributions and shares are divided by their sum."""
    return from_values(field, mixed) if is_values(field) else from_probabilities(field, mixed)


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values)
