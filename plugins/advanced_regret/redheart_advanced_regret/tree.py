"""A soft decision tree with a network at each leaf."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.nn.growing import grow_chain
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp
from redheart_core.nn.parallel import ParallelMlp


class DecisionTree(nn.Module):
    """A binary tree whose inner nodes decide by degrees (Frosst and Hinton 2017): (B, W) to (B, S).

    One network per level gives the decisions of the level's 2^level nodes; each of the
    2^depth branches scores by its own network. The result is the mean of the branches'
    scores, each in 0..1, weighted with the probability of the way to each.

    Args:
        width: W of what is decided on.
        deciders: Hidden widths of the deciding networks.
        branches: Hidden widths of the branches' networks.
        depth: Levels of decisions.
        scores: S.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        width: int,
        deciders: tuple[int, ...],
        branches: tuple[int, ...],
        depth: int,
        scores: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.deciders = nn.ModuleList(mlp(width, *deciders, 2**level, dropout=dropout) for level in range(depth))
        self.branches = ParallelMlp(2**depth, width, *branches, scores, dropout=dropout)

    def ways(self, case: Tensor) -> Tensor:
        """Probability of the way to each branch: (B, W) to (B, 2^depth), sums to one."""
        ways = case.new_ones(case.shape[0], 1)
        for decider in self.deciders:
            right = decider(case).sigmoid()
            ways = torch.stack([ways * (1 - right), ways * right], -1).flatten(1)
        return ways

    def forward(self, case: Tensor) -> Tensor:
        return torch.einsum("bn,bns->bs", self.ways(case), self.branches(case).sigmoid())

    def grow_from(self, smaller: DecisionTree, case: Axis) -> None:
        """Take over what a smaller one computes; the depth is the same at every scale."""
        for larger, decider in zip(self.deciders, smaller.deciders, strict=True):
            grow_chain(larger, decider, case)
        grow_chain(self.branches, smaller.branches, case)
