"""Emotion logits out of a mixture of experts and three levels, coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from redheart_core.layers import Attention, Mixture, mlp, trunk


class EmotionHead(nn.Module):
    """Emotion distribution of a text.

    Args:
        width_in: W of the backbone's features.
        width: Width of the trunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        experts: E of the mixture.
        levels: Number of labels of each level, coarse to fine; the last is that of the emotions.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self, width_in: int, width: int, heads: int, experts: int, levels: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        half, three_quarters = width // 2, width * 3 // 4
        self.base = trunk(width_in, 2 * width, width * 3 // 2, width, dropout=dropout)
        self.attention = Attention(width, width_in, width, heads)
        coarser = [0, *levels[:-1]]
        self.levels = nn.ModuleList(
            mlp(width + above, three_quarters, half, width // 4, labels, dropout=dropout)
            for above, labels in zip(coarser, levels, strict=True)
        )
        self.mixture = Mixture(experts, width, three_quarters, half, levels[-1], gate_hidden=half, dropout=dropout)
        self.output = mlp(width + sum(levels), half, levels[-1], dropout=dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Features (B, W) and sequence (B, T, W) to the outputs that the plugin declares."""
        state = self.base(inputs["backbone.emotion"])
        state = state + self.attention(state.unsqueeze(1), inputs["backbone.sequence"], inputs["mask"]).squeeze(1)
        logits: list[Tensor] = []
        for level in self.levels:
            # a finer level sees what the next coarser one decided
            coarser = [previous.softmax(-1) for previous in logits[-1:]]
            logits.append(level(torch.cat([state, *coarser], -1)))
        mixed, gate = self.mixture(state)
        decided = [level.softmax(-1) for level in logits]
        final = self.output(torch.cat([state, *decided], -1)) + mixed
        valence, family, fine = logits
        return {
            "emotion": final.softmax(-1),
            "emotion_logits": final,
            "valence_logits": valence,
            "family_logits": family,
            "level_logits": fine,
            "gate": gate,
        }
