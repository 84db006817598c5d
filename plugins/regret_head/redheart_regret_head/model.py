"""Regret as a score, three ordered views and an ensemble."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.nn.attention import Attention
from redheart_core.nn.chunks import last_chunk
from redheart_core.nn.growing import features_read, grow_attention, grow_chain, grow_recurrent, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, mlp, ordered, trunk
from redheart_core.nn.parallel import ParallelMlp
from redheart_core.nn.recurrent import Recurrent


class RegretHead(nn.Module):
    """Regret of a text in 0..1, with its range and its uncertainty.

    Args:
        width_in: W of the backbone's features.
        width_embedding: D of the embedding.
        width: Width of the trunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of two thirds of width.
        recurrent_layers: Layers of the LSTM over the chunks.
        members: M of the ensemble.
        dropout: Share of activations dropped in training; twice that in the ensemble.
        skip_dropout: Share of the mean embedding dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width_embedding: int,
        width: int,
        heads: int,
        recurrent_layers: int,
        members: int,
        dropout: float,
        skip_dropout: float,
    ) -> None:
        super().__init__()
        half, two_thirds = width // 2, width * 2 // 3
        self.base = trunk(width_in, 2 * width, width * 3 // 2, width, dropout=dropout)
        self.views = ParallelMlp(3, width, width, width * 3 // 4, half, 1, dropout=dropout)
        self.members = ParallelMlp(members, width, half, width // 4, 1, dropout=min(2 * dropout, 0.5))
        self.unfolding = Recurrent(width_in, two_thirds, recurrent_layers)
        self.attention = Attention(width, two_thirds, two_thirds, heads)
        self.output = mlp(width + 2 * two_thirds, width, half, 1, dropout=dropout)
        self.skips = LinearSkips(width_embedding, {"regret": 1, "views": 3, "members": members}, skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embedding (B, T, D), features (B, W) and sequence (B, T, W) to the outputs that the plugin declares."""
        mask = inputs["mask"]
        state = self.base(inputs["backbone.regret"])
        unfolding = self.unfolding(inputs["backbone.sequence"], mask)
        turning_points = self.attention(state.unsqueeze(1), unfolding, mask).squeeze(1)
        consequence = last_chunk(unfolding, mask)
        skips = self.skips(inputs["embedding"], mask)
        score = self.output(torch.cat([state, turning_points, consequence], -1)) + skips["regret"]
        members = (self.members(state).squeeze(-1) + skips["members"]).sigmoid()
        return {
            "regret": score.squeeze(-1).sigmoid(),
            "views": ordered(self.views(state).squeeze(-1) + skips["views"]).sigmoid(),
            "members": members,
            "uncertainty": members.std(-1, unbiased=False),
        }

    def grow_from(self, smaller: RegretHead) -> None:
        """Take over what a smaller one computes."""
        read = features_read(self.base, smaller.base)
        state = grow_chain(self.base, smaller.base, read)
        grow_chain(self.views, smaller.views, state)
        grow_chain(self.members, smaller.members, state)
        course = grow_recurrent(self.unfolding, smaller.unfolding, read)
        points = grow_attention(self.attention, smaller.attention, state, course, course)
        grow_chain(self.output, smaller.output, Axis.joined(state, points, course))
        grow_same(self.skips, smaller.skips)
