"""Stages that act on the frames of the short-time Fourier transform."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.attention import Attention
from redheart_core.nn.growing import (
    features_read,
    grow_attention,
    grow_chain,
    grow_convolution,
    grow_linear,
    grow_norm,
    grow_own,
)
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp
from redheart_emotion_dsp.raw import free_from_positive, free_from_share, positive, quiet, share


class Bands(nn.Module):
    """Each emotion's own band, raised: K frequencies to gains of 1 or more, (L, K).

    Gain 1 + b exp(-((f - c) / s)^2 / 2) with centre c in 0..0.5, width s and boost b learnt.

    Args:
        bands: Initial edges per emotion in cycles per chunk; the width begins as half the band.
    """

    def __init__(self, bands: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        low, high = (torch.tensor(edges) for edges in zip(*bands, strict=True))
        self.centre = nn.Parameter(free_from_share(low + high))  # as a share of 0.5
        self.spread = nn.Parameter(free_from_positive((high - low) / 2))
        self.boost = nn.Parameter(free_from_positive(torch.ones(len(bands))))

    def forward(self, frequencies: Tensor) -> Tensor:
        centre, spread, boost = 0.5 * share(self.centre), positive(self.spread), positive(self.boost)
        distance = (frequencies - centre.unsqueeze(-1)) / spread.unsqueeze(-1)
        return 1 + boost.unsqueeze(-1) * torch.exp(-0.5 * distance.square())


class Equaliser(nn.Module):
    """Gains of -6..6 dB per emotion and frequency, chosen from the text's own spectrum: (B, L, K) to (B, L, K)."""

    def __init__(self, emotions: int, bins: int, hidden: int) -> None:
        super().__init__()
        self.net = mlp(emotions * bins, hidden, emotions * bins)

    def forward(self, log_energy: Tensor) -> Tensor:
        gains: Tensor = self.net(log_energy.flatten(1)).view_as(log_energy)
        return torch.exp2(gains.tanh())

    def grow_from(self, smaller: Equaliser) -> None:
        """Take over what a smaller one computes."""
        grow_chain(self.net, smaller.net, features_read(self.net, smaller.net))


class FilterBank(nn.Module):
    """Learnt filters over time, in the place of wavelets: (B, L, T) to their mean response (B, W)."""

    def __init__(self, emotions: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(emotions, width // 2, 5, padding=2)
        self.norm = nn.LayerNorm(width // 2)
        self.second = nn.Conv1d(width // 2, width, 3, padding=1)

    def forward(self, signal: Tensor, mask: Tensor) -> Tensor:
        real = mask.unsqueeze(1)
        found = self.norm(self.first(signal.where(real, 0.0)).transpose(1, 2)).transpose(1, 2)
        found = F.gelu(self.second(F.gelu(found).where(real, 0.0)))
        return found.where(real, 0.0).sum(-1) / mask.sum(1, keepdim=True)

    def grow_from(self, smaller: FilterBank) -> Axis:
        """What it gives then; new filters are 0."""
        first = Axis.padded(smaller.first.out_channels, self.first.out_channels)
        second = Axis.padded(smaller.second.out_channels, self.second.out_channels, silent=True)
        grow_convolution(self.first, smaller.first, Axis.same(self.first.in_channels), first, "mean", first.spread)
        grow_convolution(self.second, smaller.second, grow_norm(self.norm, smaller.norm, first), second, "zero")
        return second


class Resonance(nn.Module):
    """A resonator per emotion, tuned to what recurs in the text.

    The mean responses of a filter bank and the spectrum make a query; attention over the record's own chunks
    answers it, and the answer shifts radius, angle and share of each resonator.

    Args:
        bands: Initial edges per emotion in cycles per chunk; a resonator begins at the middle of its band.
        bins: K, frequencies of the spectrum.
        width: W of the encoded chunks.
        bank: Filters over time.
        attention: Module of queries (B, 1, W), memory (B, T, W) and mask to (B, 1, W).
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        bands: Sequence[tuple[float, float]],
        bins: int,
        width: int,
        bank: int,
        attention: Attention,
        dropout: float,
    ) -> None:
        super().__init__()
        emotions = len(bands)
        middle = torch.tensor([low + high for low, high in bands]).clamp(0.1, 0.9)
        self.bank = FilterBank(emotions, bank)
        self.pattern = mlp(bank + emotions * bins, width * 2 // 3, width // 3, width, dropout=dropout)
        self.attention = attention
        self.norm = nn.LayerNorm(width)
        self.angle = nn.Parameter(free_from_share(middle))
        self.radius = nn.Parameter(free_from_share(torch.full((emotions,), 0.7)))
        self.amount = nn.Parameter(free_from_share(torch.full((emotions,), 0.3)))
        self.shift = quiet(nn.Linear(width, 3 * emotions))

    def forward(
        self, signal: Tensor, log_energy: Tensor, encoded: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, L, T), (B, L, K) and (B, T, W) to radius, angle and share (B, L), and the pattern (B, W)."""
        pattern = self.pattern(torch.cat([self.bank(signal, mask), log_energy.flatten(1)], -1))
        pattern = self.norm(pattern + self.attention(pattern.unsqueeze(1), encoded, mask).squeeze(1))
        radius, angle, amount = self.shift(pattern).chunk(3, -1)
        # away from 0 and pi, where sin(theta) in the response vanishes
        theta = torch.pi * (0.02 + 0.96 * share(self.angle + angle))
        return 0.999 * share(self.radius + radius), theta, share(self.amount + amount), pattern

    def grow_from(self, smaller: Resonance, encoded: Axis) -> Axis:
        """The pattern that it gives then, a stream whose units are repeated."""
        stream = Axis.repeated(smaller.shift.in_features, self.shift.in_features)
        grow_own(self, smaller)
        bank = self.bank.grow_from(smaller.bank)
        energies = Axis.same(features_read(smaller.pattern, smaller.pattern).old - bank.old)
        grow_chain(self.pattern, smaller.pattern, Axis.joined(bank, energies), stream)
        grow_attention(self.attention, smaller.attention, stream, encoded, stream)
        grow_norm(self.norm, smaller.norm, stream)
        grow_linear(self.shift, smaller.shift, stream, Axis.same(self.shift.out_features))
        return stream
