"""Regret straight from the embedding: chunk encoder, LSTM, soft decision tree, ensemble."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.layers import AttentionPooling, ParallelMlp, Recurrent, mlp, trunk


class SoftDecisionTree(nn.Module):
    """A binary tree whose inner nodes decide by degrees (Frosst and Hinton 2017): (B, W) to (B,) in 0..1.

    One network per level gives the decisions of the level's 2^level nodes. The result
    is the mean of the leaves, weighted with the probability of the way to each.
    """

    def __init__(self, width: int, hidden: tuple[int, ...], depth: int, dropout: float) -> None:
        super().__init__()
        self.levels = nn.ModuleList(mlp(width, *hidden, 2**level, dropout=dropout) for level in range(depth))
        # from little to much regret, so that decisions differ in effect from the start
        self.leaves = nn.Parameter(torch.linspace(-2.0, 2.0, 2**depth))

    def ways(self, state: Tensor) -> Tensor:
        """Probability of the way to each leaf: (B, W) to (B, 2^depth), sums to one."""
        ways = state.new_ones(len(state), 1)
        for level in self.levels:
            right = level(state).sigmoid()
            ways = torch.stack([ways * (1 - right), ways * right], -1).flatten(1)
        return ways

    def forward(self, state: Tensor) -> Tensor:
        return self.ways(state) @ self.leaves.sigmoid()


class NeuralRegret(nn.Module):
    """Regret of a text in 0..1, by a score, a tree and an ensemble.

    Args:
        width_in: D of the embedding.
        width: Width of an encoded chunk; all others are fixed ratios of it.
        recurrent_layers: Layers of the bidirectional LSTM over the chunks.
        tree_depth: Levels of the decision tree.
        members: M of the ensemble.
        dropout: Share of activations dropped in training; twice that in the ensemble.
    """

    def __init__(
        self, width_in: int, width: int, recurrent_layers: int, tree_depth: int, members: int, dropout: float
    ) -> None:
        super().__init__()
        third, half, two_thirds, four_thirds = width // 3, width // 2, width * 2 // 3, width * 4 // 3
        self.simulator = trunk(width_in, four_thirds, four_thirds, width, width, dropout=dropout)
        self.propagation = Recurrent(width, two_thirds, recurrent_layers, both_ways=True)
        self.pool = AttentionPooling(width + 2 * two_thirds, width // 4)
        self.summary = trunk(2 * two_thirds, two_thirds, third, dropout=dropout)
        self.tree = SoftDecisionTree(width, (two_thirds, half, third), tree_depth, dropout)
        self.members = ParallelMlp(members, width, two_thirds, half, width // 4, 1, dropout=min(2 * dropout, 0.5))
        self.quantifier = mlp(width + third, two_thirds, third, width // 6, 1, dropout=dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to "regret", "tree" and "uncertainty" (B,) and "members" (B, M)."""
        mask = inputs["mask"]
        simulated = self.simulator(inputs["embedding"])
        sequence = torch.cat([simulated, self.propagation(simulated, mask)], -1)
        pooled = self.pool(sequence, mask).squeeze(1)
        state, course = pooled.tensor_split([simulated.shape[-1]], -1)
        score = self.quantifier(torch.cat([state, self.summary(course)], -1)).squeeze(-1)
        members = self.members(state).squeeze(-1).sigmoid()
        return {
            "regret": score.sigmoid(),
            "tree": self.tree(state),
            "members": members,
            "uncertainty": members.std(-1, unbiased=False),
        }
