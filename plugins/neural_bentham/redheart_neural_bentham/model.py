"""Bentham circumstances straight from the embedding: chunk reasoner, attention, LSTM, social readings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.layers import Attention, AttentionPooling, Mixture, Recurrent, mlp, trunk, with_positions


class NeuralBentham(nn.Module):
    """Bentham circumstances of a text, each in 0..1.

    Args:
        width_in: D of the embedding.
        width: Width of a chunk that was reasoned about; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        recurrent_layers: Layers of the bidirectional LSTM over the chunks.
        experts: E, number of social readings.
        labels: L, number of circumstances.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self, width_in: int, width: int, heads: int, recurrent_layers: int, experts: int, labels: int, dropout: float
    ) -> None:
        super().__init__()
        half, two_thirds = width // 2, width * 2 // 3
        self.reasoner = trunk(width_in, 2 * width, 2 * width, width * 3 // 2, width, dropout=dropout)
        self.attention = Attention(width, width, width, heads)
        self.norm = nn.LayerNorm(width)
        self.longterm = Recurrent(width, two_thirds, recurrent_layers, both_ways=True)
        self.pool = AttentionPooling(width + 2 * two_thirds, width // 4)
        self.longterm_summary = trunk(2 * two_thirds, width, half, dropout=dropout)
        self.social = Mixture(experts, width, width, width * 3 // 4, half, labels, gate_hidden=half, dropout=dropout)
        self.integrator = mlp(width + half, width, half, labels, dropout=dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to "bentham" (B, L) and "gate" (B, E)."""
        mask = inputs["mask"]
        reasoned = with_positions(self.reasoner(inputs["embedding"]))
        compared = self.norm(reasoned + self.attention(reasoned, reasoned, mask))
        sequence = torch.cat([compared, self.longterm(compared, mask)], -1)
        pooled = self.pool(sequence, mask).squeeze(1)
        state, longterm = pooled.tensor_split([compared.shape[-1]], -1)
        social, gate = self.social(state)
        logits = self.integrator(torch.cat([state, self.longterm_summary(longterm)], -1)) + social
        return {"bentham": logits.sigmoid(), "gate": gate}
