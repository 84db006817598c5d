"""Choice factors straight from the embedding: chunk reasoner, several readings, a network for each factor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.layers import AttentionPooling, ParallelMlp, masked_mean, mlp, trunk, with_positions


class NeuralSurd(nn.Module):
    """Choice factors of a text, each in 0..1.

    Args:
        width_in: D of the embedding.
        width: Width of a chunk that was reasoned about; all others are fixed ratios of it.
        readings: C, weighted means over the chunks, each with a network of its own.
        labels: L, number of factors.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, width_in: int, width: int, readings: int, labels: int, dropout: float) -> None:
        super().__init__()
        sixth, third, half, two_thirds = width // 6, width // 3, width // 2, width * 2 // 3
        self.reasoner = trunk(width_in, 2 * width, 2 * width, width * 4 // 3, width, dropout=dropout)
        self.pool = AttentionPooling(width, sixth, readings)
        self.network = ParallelMlp(readings, width, two_thirds, half, third, sixth, dropout=dropout)
        self.factors = ParallelMlp(labels, width, width, two_thirds, third, 1, dropout=dropout)
        self.calculator = mlp(width + readings * sixth, two_thirds, third, labels, dropout=dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to "choice_factors" (B, L)."""
        mask = inputs["mask"]
        reasoned = self.reasoner(inputs["embedding"])
        state = masked_mean(reasoned, mask)
        readings = self.network(self.pool(with_positions(reasoned), mask)).flatten(1)
        logits = self.calculator(torch.cat([state, readings], -1)) + self.factors(state).squeeze(-1)
        return {"choice_factors": logits.sigmoid()}
