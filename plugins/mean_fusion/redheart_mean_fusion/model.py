"""Weighted means of answers.

Shapes: B records, M members that answer a field, L its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from redheart_core.nn.fusing import Gathered, fused
from redheart_core.nn.named import Named


class WeightedMean(nn.Module):
    """Members (M, B, L) to (B, L), of which those that are NaN do not count.

    Attributes:
        weight: (M, *shape) of the field, set by a fit, without gradient.
    """

    def __init__(self, members: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, *shape), requires_grad=False)

    def forward(self, members: Tensor) -> Tensor:
        there = ~members.isnan()
        weights = self.weight.view(len(self.weight), 1, -1)
        of_some = (members.nan_to_num() * weights).sum(0) / (weights * there).sum(0)
        return torch.where(there.all(0), (members * weights).sum(0), of_some)


class MeanFusion(nn.Module):
    """One weighted mean per field."""

    def __init__(self, gathered: Sequence[Gathered]) -> None:
        super().__init__()
        self.gathered = tuple(gathered)
        self.means = Named({one.field.name: WeightedMean(len(one.names), one.field.shape) for one in self.gathered})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for one in self.gathered:
            outputs |= fused(one.field, self.means[one.field.name](one.stacked(inputs.__getitem__)))
        return outputs
