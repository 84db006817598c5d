"""Weighted means of answers.

Shapes: B records, M members that answer a field, *shape its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from redheart_core import Field
from redheart_core.nn.answers import from_probabilities, is_values
from redheart_core.nn.named import Named

LEAST = 1e-6
"""Least probability that a mean may give, so that its logit is finite."""


class WeightedMean(nn.Module):
    """Members (M, B, *shape) to (B, *shape), of which those that are NaN do not count.

    The weights are set by a fit and get no gradient.
    """

    def __init__(self, members: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, *shape), requires_grad=False)

    def forward(self, members: Tensor) -> Tensor:
        there = ~members.isnan()
        weights = self.weight.unsqueeze(1)
        if bool(there.all()):
            return (members * weights).sum(0)
        return (members.nan_to_num() * weights).sum(0) / (weights * there).sum(0)


class MeanFusion(nn.Module):
    """One weighted mean per field.

    Args:
        fields: The fields to answer.
        members: Field to the inputs that answer it, "node.output".
    """

    def __init__(self, fields: Sequence[Field], members: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.members = {field.name: tuple(members[field.name]) for field in fields}
        self.means = Named({field.name: WeightedMean(len(self.members[field.name]), field.shape) for field in fields})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            members = torch.stack([inputs[name] for name in self.members[field.name]])
            outputs |= answer(field, self.means[field.name](members))
        return outputs


def answer(field: Field, mean: Tensor) -> dict[str, Tensor]:
    """A mean (B, *shape) to the outputs of a field; distributions and shares are divided by their sum."""
    if is_values(field):
        return {field.name: mean.clamp(field.low, field.high)}
    return from_probabilities(field, mean.clamp(LEAST, 1 - LEAST if field.binary else None))
