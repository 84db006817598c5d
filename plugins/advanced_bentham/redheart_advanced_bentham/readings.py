"""Readings of a text that the ten dimensions are made of: ethics, social levels, cultures."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.nn.attention import AttentionPooling
from redheart_core.nn.growing import grow_chain, grow_norm, grow_pooling, grow_recurrent
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp, trunk
from redheart_core.nn.named import Named
from redheart_core.nn.parallel import ParallelMlp
from redheart_core.nn.recurrent import Recurrent

DIMENSIONS = 10
DUTIES, VIRTUES = 5, 7
"""Latent numbers of the deontological and the virtue reading; no field labels them."""
LEVELS = ("individual", "group", "society", "global")
"""Social levels, each a quarter of the extent's logarithmic scale: with N0 = 100 up to 2, 9, 31 and 100 persons."""
CULTURES = ("western", "eastern", "korean", "islamic", "african")
"""Names of the views; no label distinguishes them, so they are an ensemble."""


class DeepEthics(nn.Module):
    """Philosophical, deontological and virtue ethics, integrated: state (B, W) to (B, 10)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        two_thirds = width * 2 // 3
        self.philosophical = mlp(width, width * 4 // 3, width, two_thirds, DIMENSIONS, dropout=dropout)
        self.deontological = mlp(width, width, two_thirds, DUTIES, dropout=dropout)
        self.virtue = mlp(width, width, two_thirds, VIRTUES, dropout=dropout)
        self.integrator = mlp(DIMENSIONS + DUTIES + VIRTUES, max(width // 6, 8), DIMENSIONS)

    def forward(self, state: Tensor) -> Tensor:
        read = torch.cat([self.philosophical(state), self.deontological(state), self.virtue(state)], -1)
        return self.integrator(read)  # type: ignore[no-any-return] # nn.Module.__call__ gives Any

    def grow_from(self, smaller: DeepEthics, state: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_chain(self.philosophical, smaller.philosophical, state)
        grow_chain(self.deontological, smaller.deontological, state)
        grow_chain(self.virtue, smaller.virtue, state)
        grow_chain(self.integrator, smaller.integrator, Axis.same(DIMENSIONS + DUTIES + VIRTUES))


class SocialImpact(nn.Module):
    """An LSTM over the chunks for each social level, aggregated."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.levels = Named({level: Recurrent(width, width // 2, layers, both_ways=True) for level in LEVELS})
        self.pools = Named({level: AttentionPooling(width, max(width // 4, 1)) for level in LEVELS})
        self.norm = nn.LayerNorm(width)
        self.aggregator = mlp(len(LEVELS) * width, 2 * width, width, DIMENSIONS + 2 * len(LEVELS), dropout=dropout)

    def forward(self, sequence: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, W) to (B, 10), the share of each level (B, 4), and where within it the persons are (B, 4)."""
        states = {level: self.norm(self.levels[level](sequence, mask)) for level in LEVELS}
        read = [self.pools[level](states[level], mask).squeeze(1) for level in LEVELS]
        numbers = self.aggregator(torch.cat(read, -1))
        dimensions, shares, places = numbers.split([DIMENSIONS, len(LEVELS), len(LEVELS)], -1)
        return dimensions, shares.softmax(-1), places

    def grow_from(self, smaller: SocialImpact, stream: Axis) -> None:
        """Take over what a smaller one computes; states repeat, as one norm is over those of both directions."""
        for level in LEVELS:
            states = grow_recurrent(self.levels[level], smaller.levels[level], stream, repeats=True)
            pool, old = self.pools[level], smaller.pools[level]
            assert isinstance(pool, AttentionPooling)
            assert isinstance(old, AttentionPooling)
            grow_pooling(pool, old, states)
        grow_norm(self.norm, smaller.norm, states)
        grow_chain(self.aggregator, smaller.aggregator, Axis.joined(*[states] * len(LEVELS)))


def extent_of(shares: Tensor, places: Tensor) -> Tensor:
    """Extent in 0..1: the mean over the levels of a place within each level's quarter: (B, 4), (B, 4) to (B,).

    Non-decreasing in every place. Level l covers l/4..(l + 1)/4.
    """
    floors = torch.arange(len(LEVELS), device=places.device, dtype=places.dtype)
    return (shares * (floors + places.sigmoid())).sum(-1) / len(LEVELS)


class CrossCultural(nn.Module):
    """One deep reading, seen by each culture, fused: state (B, W) to (B, 10)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.deep = trunk(width, width * 4 // 3, width, width, dropout=dropout)
        self.views = ParallelMlp(len(CULTURES), width, width, width // 2, width, dropout=dropout)
        self.fusion = mlp(len(CULTURES) * width, 3 * width, width, DIMENSIONS, dropout=dropout)

    def forward(self, state: Tensor) -> Tensor:
        return self.fusion(self.views(self.deep(state)).flatten(1))  # type: ignore[no-any-return] # as above

    def grow_from(self, smaller: CrossCultural, state: Axis) -> None:
        """Take over what a smaller one computes."""
        views = grow_chain(self.views, smaller.views, grow_chain(self.deep, smaller.deep, state))
        grow_chain(self.fusion, smaller.fusion, Axis.joined(*[views] * len(CULTURES)))
