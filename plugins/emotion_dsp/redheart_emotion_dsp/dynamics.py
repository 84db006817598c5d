"""Stages that shape loudness: envelope and compressor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.growing import features_read, grow_chain, grow_own
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp
from redheart_emotion_dsp.constants import Sound
from redheart_emotion_dsp.raw import free_from_positive, free_from_share, positive, quiet_end, share
from redheart_emotion_dsp.signals import adsr_area, causal_filter

SILENCE = 1e-6
"""Power below which a level no longer falls, -60 dB."""
THRESHOLD = -2.0
"""Initial level, natural logarithm of the amplitude, above which the compressor acts: below the trajectories of new
weights, so that it acts from the start."""


class Envelope(nn.Module):
    """An ADSR envelope per emotion; the gate is open from the first chunk to the last.

    Args:
        sounds: Initial values per emotion.
        width: W of the context that shifts them.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, sounds: Sequence[Sound], width: int, dropout: float) -> None:
        super().__init__()
        times = torch.tensor([[getattr(sound, name) for sound in sounds] for name in ("attack", "decay", "release")])
        sustain = torch.tensor([sound.sustain for sound in sounds])
        self.times = nn.Parameter(free_from_positive(times))
        self.sustain = nn.Parameter(free_from_share(sustain))
        self.shift = quiet_end(mlp(width, width, width // 2, 4 * len(sounds), dropout=dropout))

    def forward(self, context: Tensor) -> Tensor:
        """(B, W) to attack, decay, sustain and release, (B, 4, L); times in chunks."""
        shift = self.shift(context).unflatten(-1, (4, -1))
        attack, decay, release = positive(self.times + shift[:, [0, 1, 3]]).unbind(1)
        return torch.stack([attack, decay, share(self.sustain + shift[:, 2]), release], 1)

    def grow_from(self, smaller: Envelope, context: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        grow_chain(self.shift, smaller.shift, context)


def envelope_means(parameters: Tensor, counts: Tensor, steps: int) -> Tensor:
    """The envelope's mean over each chunk: (B, 4, L) and numbers of chunks (B,) to (B, L, steps)."""
    edges = torch.arange(steps + 1, dtype=parameters.dtype, device=parameters.device)
    attack, decay, sustain, release = parameters.unsqueeze(-1).unbind(1)
    gate = counts.to(parameters.dtype).view(-1, 1, 1)
    return adsr_area(edges, attack, decay, sustain, release, gate).diff(dim=-1)


class Compressor(nn.Module):
    """One gain for all emotions that lowers loud steps: (B, L, N) to gains (B, N) of 0..1.

    The level is that of the power averaged by a one-pole filter; above a threshold with a soft knee each unit of it
    is cut by a slope 1 - 1 / ratio. Threshold, knee, slope and pole follow the record.

    Args:
        features: Length of the vector that chooses them.
        width: Of the first hidden layer.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.net = mlp(features, width, width // 2, 4)
        self.start = nn.Parameter(torch.tensor([THRESHOLD, 0.5, 0.0, 0.0]))

    def forward(self, signal: Tensor, features: Tensor) -> Tensor:
        threshold, knee, slope, pole = (self.start + self.net(features)).unsqueeze(-1).unbind(1)
        pole = 0.999 * share(pole)
        steps = torch.arange(signal.shape[-1], dtype=signal.dtype, device=signal.device)
        power = causal_filter(signal.square().mean(1), (1 - pole) * pole**steps).clamp(min=0)
        level = 0.5 * (power + SILENCE).log()
        knee = positive(knee)
        excess = knee * F.softplus((level - threshold) / knee)
        return torch.exp(-share(slope) * excess)

    def grow_from(self, smaller: Compressor) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        grow_chain(self.net, smaller.net, features_read(self.net, smaller.net))
