"""A causal model with attention: three causes and an outcome, read off the text and weighed against each other."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from redheart_core.nn.attention import Attention
from redheart_core.nn.growing import grow_attention, grow_chain, grow_norm, grow_own
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp

CAUSES = 3


class CausalModel(nn.Module):
    """Evidence for each path from the causes that it is about: chunks (B, T, W) to (B, 10), in the order of PATHS.

    Three causes and the outcome read the chunks, go through widths of w, w / 2 and w / 4,
    attend to each other, and are evaluated in sets: each cause for unique shares, each set
    of two or three, by its sum and product, for redundancy and for synergy, and the
    outcome for the leak. Sets of one kind share a network, so causes differ in what
    they read alone.

    Args:
        width_in: W.
        width: w.
        heads: Attention heads, a divisor of w / 4.
    """

    def __init__(self, width_in: int, width: int, heads: int) -> None:
        super().__init__()
        half, quarter, eighth = width // 2, width // 4, width // 8
        self.variables = nn.Parameter(torch.empty(CAUSES + 1, width))
        nn.init.uniform_(self.variables, -(3**0.5), 3**0.5)  # of variance one
        self.reading = Attention(width, width_in, width, heads)
        self.chain = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, half),
            nn.LayerNorm(half),
            nn.GELU(),
            nn.Linear(half, quarter),
            nn.LayerNorm(quarter),
        )
        self.attention = Attention(quarter, quarter, quarter, heads)
        self.unique = mlp(2 * quarter, eighth, 1)
        self.redundancy = mlp(3 * quarter, eighth, 1)
        self.synergy = mlp(3 * quarter, eighth, 1)
        self.leak = mlp(quarter, eighth, 1)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        queries = self.variables.expand(sequence.shape[0], -1, -1)
        variables = self.chain(queries + self.reading(queries, sequence, mask))
        variables = variables + self.attention(variables, variables, mask.new_ones(variables.shape[:2]))
        causes, outcome = variables[:, :CAUSES], variables[:, CAUSES]
        sets = [causes, *(causes[:, list(pair)] for pair in combinations(range(CAUSES), 2))]
        several = torch.stack([torch.cat([held.sum(1), held.prod(1), outcome], -1) for held in sets], 1)
        single = torch.cat([causes, outcome.unsqueeze(1).expand_as(causes)], -1)
        redundancy, synergy = self.redundancy(several).squeeze(-1), self.synergy(several).squeeze(-1)
        pairs = synergy[:, 1:].logsumexp(-1, keepdim=True)
        return torch.cat([redundancy, self.unique(single).squeeze(-1), pairs, synergy[:, :1], self.leak(outcome)], -1)

    def grow_from(self, smaller: CausalModel, stream: Axis) -> None:
        """Take over what a smaller one computes, from chunks whose units are repeated."""
        queries = Axis.repeated(smaller.variables.shape[1], self.variables.shape[1])
        grow_own(self, smaller, queries)
        grow_attention(self.reading, smaller.reading, queries, stream, queries)
        (norm, *chain), (old_norm, *old_chain) = self.chain, smaller.chain
        assert isinstance(norm, nn.LayerNorm)
        assert isinstance(old_norm, nn.LayerNorm)
        normed = grow_norm(norm, old_norm, queries)
        variables = grow_chain(nn.Sequential(*chain), nn.Sequential(*old_chain), normed)
        grow_attention(self.attention, smaller.attention, variables, variables, variables)
        for name, count in {"unique": 2, "redundancy": 3, "synergy": 3, "leak": 1}.items():
            read = Axis.joined(*[variables] * count)
            grow_chain(self.get_submodule(name), smaller.get_submodule(name), read)
