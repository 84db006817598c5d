"""Emotion logits straight from the embedding: chunk encoder, attention, LSTM tracker, mixture."""

from __future__ import annotations

from torch import Tensor, nn

from redheart_core.layers import AttentionPooling, Mixture, Recurrent, TransformerLayer, trunk, with_positions


class NeuralEmotion(nn.Module):
    """Emotion distribution of a text.

    Args:
        width_in: D of the embedding.
        width: Width of an encoded chunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        recurrent_layers: Layers of the bidirectional LSTM over the chunks.
        experts: E of the mixture.
        labels: L, number of emotions.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self, width_in: int, width: int, heads: int, recurrent_layers: int, experts: int, labels: int, dropout: float
    ) -> None:
        super().__init__()
        two_thirds, four_thirds = width * 2 // 3, width * 4 // 3
        self.encoder = trunk(width_in, four_thirds, four_thirds, width, dropout=dropout)
        self.fusion = TransformerLayer(width, heads, four_thirds, dropout)
        self.tracker = Recurrent(width, two_thirds, recurrent_layers, both_ways=True)
        self.pool = AttentionPooling(2 * two_thirds, width // 4)
        self.state = trunk(2 * two_thirds, width)
        self.mixture = Mixture(experts, width, width // 2, width // 4, labels, gate_hidden=width // 2, dropout=dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to "emotion" and "emotion_logits" (B, L) and "gate" (B, E)."""
        mask = inputs["mask"]
        fused = self.fusion(with_positions(self.encoder(inputs["embedding"])), mask)
        tracked = self.pool(self.tracker(fused, mask), mask).squeeze(1)
        logits, gate = self.mixture(self.state(tracked))
        return {"emotion": logits.softmax(-1), "emotion_logits": logits, "gate": gate}
