"""Building blocks of the first-party modules: chains with dropout by record, linear skips, bounded outputs.

Shapes: B records, T chunks, W width. A mask is (B, T) bool, True for real chunks, which come first; what stands at
padded places never reaches a result. Every parameter gets a gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.feed_forward import FeedForward, HasFeedForward
from redheart_core.nn.named import Named


class RecordDropout(nn.Module):
    """Dropout that treats all chunks of a record alike: (B, W) or (B, T, W) to the same shape.

    One mask per record (Gal and Ghahramani 2016) costs T times fewer random numbers, which
    are the slowest part of a small step on a CPU, and does not depend on padding.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.mask = nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        if x.dim() == 2:
            return self.mask(x)  # type: ignore[no-any-return] # nn.Module.__call__ gives Any
        return x * self.mask(x.new_ones(x.shape[0], 1, x.shape[2]))  # type: ignore[no-any-return] # as above


def mlp(*widths: int, dropout: float = 0.0) -> nn.Sequential:
    """Linear layers with LayerNorm and GELU after each but the last, and dropout after the first."""
    layers: list[nn.Module] = []
    for width_in, width_out in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(width_in, width_out), nn.LayerNorm(width_out), nn.GELU()]
    return nn.Sequential(*layers[:3], RecordDropout(dropout), *layers[3:], nn.Linear(widths[-2], widths[-1]))


def trunk(*widths: int, dropout: float = 0.0) -> nn.Sequential:
    """An mlp whose result is normalised too, for others to read."""
    return nn.Sequential(*mlp(*widths, dropout=dropout), nn.LayerNorm(widths[-1]))


class Residual(HasFeedForward):
    """x + mlp(norm(x)) with one hidden layer: (..., W) to (..., W)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width), RecordDropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(self.norm(x))  # type: ignore[no-any-return] # nn.Module.__call__ gives Any

    def feed_forward(self) -> tuple[FeedForward]:
        return (FeedForward(self.inner, "0", "2"),)


class LinearSkips(nn.Module):
    """Linear maps of the mean chunk, to be added to a module's answers: (B, T, D) to (B, size) for each name.

    A record's numbers are scaled to a root mean square of one and partly dropped in
    training, which regularises the maps like a ridge penalty (Wager et al. 2013). The maps
    begin at 0 and carry an answer past all nonlinear layers, which need more records.

    Args:
        width_in: D.
        sizes: Name of an answer to its numbers.
        dropout: Share of a record's D numbers dropped in training.
    """

    def __init__(self, width_in: int, sizes: Mapping[str, int], dropout: float) -> None:
        super().__init__()
        self.dropout = RecordDropout(dropout)
        self.maps = Named({name: nn.Linear(width_in, size, bias=False) for name, size in sizes.items()})
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, sequence: Tensor, mask: Tensor) -> dict[str, Tensor]:
        mean = self.dropout(masked_mean(sequence, mask) * self._scale(sequence, mask))
        return {name: answer(mean) for name, answer in self.maps.items()}

    def by_chunk(self, sequence: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """The same maps of each chunk, (B, T, size); their mean over the real chunks is what forward gives."""
        scaled = self.dropout(sequence * self._scale(sequence, mask).unsqueeze(1))
        return {name: answer(scaled) for name, answer in self.maps.items()}

    def _scale(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """One over the root mean square of a record's real chunks: (B, 1)."""
        square = masked_mean(sequence.square(), mask).mean(-1, keepdim=True)
        return (square + torch.finfo(square.dtype).eps).rsqrt()


def band(x: Tensor, low: float, high: float) -> Tensor:
    """Any number into low..high on a logarithmic scale, low (high / low)^sigmoid(x), with 0 < low < high."""
    return low * (high / low) ** x.sigmoid()


def ordered(x: Tensor) -> Tensor:
    """Three free numbers (B, 3) into a low, a middle and a high one, in this order: the gaps are softplus."""
    low_gap, middle, high_gap = x.unbind(-1)
    return torch.stack([middle - F.softplus(low_gap), middle, middle + F.softplus(high_gap)], -1)
