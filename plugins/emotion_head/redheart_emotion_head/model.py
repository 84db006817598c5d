"""Emotion logits out of a mixture of experts and three levels, coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from redheart_core.nn.attention import Attention
from redheart_core.nn.growing import features_read, grow_attention, grow_chain, grow_mixture, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, mlp, trunk
from redheart_core.nn.parallel import Mixture

LEVELS = ("valence", "family", "level")
"""Names of the levels, coarse to fine."""


class EmotionHead(nn.Module):
    """Emotion distribution of a text.

    Args:
        width_in: W of the backbone's features.
        width_embedding: D of the embedding.
        width: Width of the trunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        experts: E of the mixture.
        levels: Number of labels of each level, coarse to fine; the last is that of the emotions.
        culture: C, number of cultural concepts; 0 if there are none to learn.
        dropout: Share of activations dropped in training.
        skip_dropout: Share of the mean embedding dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width_embedding: int,
        width: int,
        heads: int,
        experts: int,
        levels: Sequence[int],
        culture: int,
        dropout: float,
        skip_dropout: float,
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
        self.output = nn.ModuleDict({"emotion": mlp(width + sum(levels), half, levels[-1], dropout=dropout)})
        if culture:
            self.output["culture"] = mlp(width, three_quarters, half, culture, dropout=dropout)
        sizes = {**dict(zip(LEVELS, levels, strict=True)), "emotion": levels[-1]}
        self.skips = LinearSkips(width_embedding, sizes | ({"culture": culture} if culture else {}), skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embedding (B, T, D), features (B, W) and sequence (B, T, W) to the outputs that the plugin declares."""
        mask = inputs["mask"]
        state = self.base(inputs["backbone.emotion"])
        state = state + self.attention(state.unsqueeze(1), inputs["backbone.sequence"], mask).squeeze(1)
        skips = self.skips(inputs["embedding"], mask)
        logits: list[Tensor] = []
        for name, level in zip(LEVELS, self.levels, strict=True):
            # a finer level sees what the next coarser one decided
            coarser = [previous.softmax(-1) for previous in logits[-1:]]
            logits.append(level(torch.cat([state, *coarser], -1)) + skips[name])
        mixed, gate = self.mixture(state)
        decided = [level.softmax(-1) for level in logits]
        final = self.output["emotion"](torch.cat([state, *decided], -1)) + mixed + skips["emotion"]
        valence, family, fine = logits
        outputs = {
            "emotion": final.softmax(-1),
            "emotion_logits": final,
            "valence_logits": valence,
            "family_logits": family,
            "level_logits": fine,
            "gate": gate,
        }
        if "culture" in self.output:
            outputs["culture"] = (self.output["culture"](state) + skips["culture"]).sigmoid()
        return outputs

    def grow_from(self, smaller: EmotionHead) -> None:
        """Take over what a smaller one computes."""
        read = features_read(self.base, smaller.base)
        state = grow_chain(self.base, smaller.base, read)
        grow_attention(self.attention, smaller.attention, state, read, state)
        for larger, level in zip(self.levels, smaller.levels, strict=True):
            coarser = features_read(level, level).old - state.old
            grow_chain(larger, level, Axis.joined(state, Axis.same(coarser)))
        grow_mixture(self.mixture, smaller.mixture, state)
        for name, larger in self.output.items():
            output = smaller.output[name]
            decided = features_read(output, output).old - state.old
            grow_chain(larger, output, Axis.joined(state, Axis.same(decided)))
        grow_same(self.skips, smaller.skips)
