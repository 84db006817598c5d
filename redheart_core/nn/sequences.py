"""Windows of a time series for a transformer: scale of a window, autocorrelations, patches, sinusoids of real time.

Shapes: B windows, L steps, C channels, P patches, W width. A number that is missing is NaN; a step of which every
channel is missing is left out, as if the window had never had it, whatever its time.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import AttentionPooling, TransformerLayer
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.growing import grow_layers, grow_linear, grow_norm, grow_pooling
from redheart_core.nn.growing_axes import Axis

FLAT = 1e-5
"""Least standard deviation of a window, relative to its largest number, that is not rounding alone."""


def window_scale(values: Tensor, means: Tensor, stds: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over the numbers that a window has, both (B, 1, C).

    The statistics of reversible instance normalisation (Kim et al. 2022): (x - mean) / std is undone by std y + mean.
    A channel without a number has those of the training part, one that does not vary has its own mean and the deviation
    of the training part.

    Args:
        values: (B, L, C), NaN where missing.
        means: (C,) over the training part.
        stds: (C,), above 0.
    """
    filled, present = fill_missing_input(values)
    count = present.sum(1, keepdim=True)
    there = count.clamp(min=1)
    mean = filled.sum(1, keepdim=True) / there
    std = (torch.where(present, filled - mean, 0.0).square().sum(1, keepdim=True) / there).sqrt()
    varies = std > FLAT * filled.abs().amax(1, keepdim=True)
    return torch.where(count > 0, mean, means), torch.where(varies, std, stds)


def autocorrelations(values: Tensor, lags: int) -> Tensor:
    """Mean product of the numbers that are a lag apart, (B, L, C) to (B, lags, C), for lags 1 to `lags`.

    Of a window in its own scale these are its autocorrelations. Pairs of which a number is missing do not count; a lag
    without any pair has 0.

    Args:
        values: NaN where missing.
        lags: Below L.
    """
    filled, present = fill_missing_input(values)
    there = present.to(filled.dtype)
    found = []
    for lag in range(1, lags + 1):
        pairs = (there[:, lag:] * there[:, :-lag]).sum(1).clamp(min=1.0)
        found.append((filled[:, lag:] * filled[:, :-lag]).sum(1) / pairs)
    return torch.stack(found, 1)


def time_waves(times: Tensor, width: int) -> Tensor:
    """Sinusoids of times (...) in steps, whole or not (Vaswani et al. 2017): (..., width)."""
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half, device=times.device, dtype=times.dtype) * (-math.log(10_000.0) / half))
    angles = times.unsqueeze(-1) * rates
    return torch.cat([angles.sin(), angles.cos()], -1)[..., :width]


class Patches(nn.Module):
    """Neighbouring steps of all channels as one token (PatchTST, Nie et al. 2023): (B, L, C) to (B, P, W) and its mask.

    A token reads the numbers, which of them are there, and when each step was relative to the last one of its patch.
    The last patch ends with the last step that is there, so steps that are missing change nothing.

    Args:
        channels: C.
        steps: Of a patch.
        width: W.
        position_width: Width of the sinusoids of time, which are repeated up to W and divide it; 0 is W.
    """

    def __init__(self, channels: int, steps: int, width: int, position_width: int = 0) -> None:
        super().__init__()
        self.steps, self.waves = steps, position_width or width
        self.repeats = width // self.waves
        self.read = nn.Linear(steps * (2 * channels + 1), width)

    def forward(self, values: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, C) and (B, L) in steps to (B, P, W) and (B, P) bool, True for patches with a step; the last one
        always counts."""
        values, times, there = self._there_last(values, times - _latest(times))
        filled, present = fill_missing_input(values)
        ends = times[..., -1]
        offsets = torch.where(there, times - ends.unsqueeze(-1), 0.0)
        read = [filled.flatten(2), present.to(filled.dtype).flatten(2), offsets]
        tokens = self.read(torch.cat(read, -1)) + time_waves(ends, self.waves).repeat(1, 1, self.repeats)
        mask = there.any(-1)
        last = torch.arange(mask.shape[1], device=mask.device) == mask.shape[1] - 1
        return tokens, mask | last

    def _there_last(self, values: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Steps that are there behind those that are missing, cut into patches: (B, P, S, C), (B, P, S), (B, P, S)."""
        length = values.shape[1]
        there = (~values.isnan()).any(-1)
        places = torch.arange(length, device=values.device)
        # keys of which no two are the same, as ONNX has no stable sort
        order = torch.where(there, places + length, places).argsort(dim=1)
        values = values.gather(1, order.unsqueeze(-1).expand_as(values))
        times, there = times.gather(1, order), there.gather(1, order)
        times = torch.where(there, times, 0.0)
        front = -length % self.steps
        values = F.pad(values, (0, 0, front, 0), value=float("nan"))
        times, there = F.pad(times, (front, 0)), F.pad(there, (front, 0))
        shape = (values.shape[0], -1, self.steps)
        return values.reshape(*shape, values.shape[2]), times.reshape(shape), there.reshape(shape)


def _latest(times: Tensor) -> Tensor:
    """(B, L), NaN where missing, to (B, 1): the latest; 0 without any."""
    present = ~times.isnan()
    latest = torch.where(present, times, torch.finfo(times.dtype).min).amax(1, keepdim=True)
    return torch.where(present.any(1, keepdim=True), latest, 0.0)


class SequenceEncoder(nn.Module):
    """Patches, pre-norm transformer layers, and three summaries side by side: (B, L, C) and (B, L) to (B, 3 W).

    They are the mean over the patches, a mean that attention weights, and the last patch.

    Args:
        channels: C.
        patch: Steps of a patch.
        width: W.
        layers: Of the transformer.
        heads: A divisor of the width.
        dropout: Share of activations dropped in training.
        position_width: Width of the sinusoids of time, which divides the width; 0 is the width.
    """

    def __init__(
        self,
        channels: int,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        dropout: float,
        position_width: int = 0,
    ) -> None:
        super().__init__()
        self.width = width
        self.patches = Patches(channels, patch, width, position_width)
        self.layers = nn.ModuleList(TransformerLayer(width, heads, 2 * width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.pooling = AttentionPooling(width, width)

    def forward(self, values: Tensor, times: Tensor) -> Tensor:
        tokens, mask = self.patches(values, times)
        for layer in self.layers:
            tokens = layer(tokens, mask)
        tokens = self.norm(tokens)
        return torch.cat([masked_mean(tokens, mask), self.pooling(tokens, mask).squeeze(1), tokens[:, -1]], -1)

    def grow_from(self, smaller: SequenceEncoder) -> Axis:
        """What it gives then, with tokens whose units are repeated."""
        stream, read = Axis.repeated(smaller.width, self.width), self.patches.read
        grow_linear(read, smaller.patches.read, Axis.same(read.in_features), stream)
        grow_layers(self.layers, smaller.layers, stream)
        grow_norm(self.norm, smaller.norm, stream)
        grow_pooling(self.pooling, smaller.pooling, stream)
        return Axis.joined(stream, stream, stream)
