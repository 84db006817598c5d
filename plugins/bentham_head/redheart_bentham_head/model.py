"""Bentham circumstances out of gated ethical experts under six weight layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.layers import Mixture, ParallelMlp, Recurrent, band, last_chunk, mlp, trunk

WEIGHT_LAYERS = ("contextual", "temporal", "social", "ethical", "emotional", "cognitive")
LOWEST_WEIGHT, HIGHEST_WEIGHT = 0.3, 2.5


class BenthamHead(nn.Module):
    """Bentham circumstances of a text, each in 0..1.

    Args:
        width_in: W of the backbone's features.
        width: Width of the trunk; all others are fixed ratios of it.
        experts: E of the mixture.
        recurrent_layers: LSTM layers over the chunks.
        labels: L, number of circumstances.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self, width_in: int, width: int, experts: int, recurrent_layers: int, labels: int, dropout: float
    ) -> None:
        super().__init__()
        third, two_thirds, four_thirds = width // 3, width * 2 // 3, width * 4 // 3
        self.base = trunk(width_in, 2 * width, four_thirds, width, dropout=dropout)
        self.temporal = Recurrent(width_in, two_thirds, recurrent_layers)
        self.weight_layers = ParallelMlp(len(WEIGHT_LAYERS), width, two_thirds, third, experts, dropout=dropout)
        self.mixture = Mixture(experts, width, four_thirds, two_thirds, labels, gate_hidden=two_thirds, dropout=dropout)
        self.output = mlp(width + two_thirds, four_thirds, two_thirds, labels, dropout=dropout)

    def layer_weights(self, state: Tensor) -> Tensor:
        """How much each weight layer raises or lowers each expert: (B, W) to (B, 6, E) in 0.3..2.5."""
        return band(self.weight_layers(state), LOWEST_WEIGHT, HIGHEST_WEIGHT)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Features (B, W) and sequence (B, T, W) to "bentham" (B, L) and "gate" (B, E)."""
        mask = inputs["mask"]
        state = self.base(inputs["backbone.bentham"])
        course = last_chunk(self.temporal(inputs["backbone.sequence"], mask), mask)
        # the geometric mean of the six layers stays within their band
        emphasis = self.layer_weights(state).log().mean(1).exp()
        mixed, gate = self.mixture(state, emphasis)
        logits = self.output(torch.cat([state, course], -1)) + mixed
        return {"bentham": logits.sigmoid(), "gate": gate}
