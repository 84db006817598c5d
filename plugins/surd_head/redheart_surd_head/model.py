"""Choice factors out of a network for each factor beside a shared one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.layers import Attention, ParallelMlp, Residual, mlp, trunk


class SurdHead(nn.Module):
    """Choice factors of a text, each in 0..1.

    Args:
        width_in: W of the backbone's features.
        width: Width of the trunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        residual_layers: Residual layers on the trunk.
        labels: L, number of factors.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self, width_in: int, width: int, heads: int, residual_layers: int, labels: int, dropout: float
    ) -> None:
        super().__init__()
        two_thirds, four_thirds = width * 2 // 3, width * 4 // 3
        self.base = trunk(width_in, 2 * width, four_thirds, width, dropout=dropout)
        self.residual = nn.Sequential(*(Residual(width, width, dropout) for _ in range(residual_layers)))
        self.attention = Attention(width, width_in, width, heads)
        self.factors = ParallelMlp(labels, width, width, two_thirds, width // 3, width // 6, 1, dropout=dropout)
        self.output = mlp(2 * width, four_thirds, two_thirds, labels, dropout=dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Features (B, W) and sequence (B, T, W) to "choice_factors" (B, L)."""
        state = self.residual(self.base(inputs["backbone.surd"]))
        noticed = self.attention(state.unsqueeze(1), inputs["backbone.sequence"], inputs["mask"]).squeeze(1)
        logits = self.output(torch.cat([state, noticed], -1)) + self.factors(state).squeeze(-1)
        return {"choice_factors": logits.sigmoid()}
