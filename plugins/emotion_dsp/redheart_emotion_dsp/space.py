"""Adaptive reverb: what a text leaves behind."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from redheart_core.nn.growing import grow_chain, grow_own
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp
from redheart_emotion_dsp.constants import Sound
from redheart_emotion_dsp.raw import free_from_positive, free_from_share, positive, quiet_end, share
from redheart_emotion_dsp.signals import all_pass, causal_filter, comb_gain

ALL_PASSES = (1, 2)
"""Delays in chunks of the all-passes in series."""


class Reverb(nn.Module):
    """Schroeder's reverb: a weighted mean of parallel combs, then all-passes in series.

    All combs of an emotion fall by 60 dB in the same time, so their feedback is below one whatever the network says.

    Args:
        sounds: Initial values per emotion; an echo falls to 1 / e in the release time at first.
        delays: K, combs with delays of 1..K chunks.
        width: W of context and pattern.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, sounds: Sequence[Sound], delays: int, width: int, dropout: float) -> None:
        super().__init__()
        emotions = len(sounds)
        self.delays = delays
        release = torch.tensor([sound.release for sound in sounds])
        self.decay_time = nn.Parameter(free_from_positive(3 * math.log(10) * release))
        self.amount = nn.Parameter(free_from_share(torch.full((emotions,), 0.3)))
        self.diffusion = nn.Parameter(free_from_share(torch.full((len(ALL_PASSES),), 0.7)))
        self.taps = mlp(width, width // 3, delays, dropout=dropout)
        self.shift = quiet_end(mlp(2 * width, width, 2 * emotions, dropout=dropout))

    def forward(self, signal: Tensor, context: Tensor, pattern: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, N), (B, W), (B, W) to the signal with its echoes (B, L, N) and the decay times (B, L) in chunks."""
        decay_time, amount = self.shift(torch.cat([context, pattern], -1)).chunk(2, -1)
        decay_time = positive(self.decay_time + decay_time)
        wet = causal_filter(signal, comb_bank(self.taps(context).softmax(-1), decay_time, signal.shape[-1]))
        for gain, delay in zip(0.999 * share(self.diffusion), ALL_PASSES, strict=True):
            wet = causal_filter(wet, all_pass(gain, delay, signal.shape[-1]))
        amount = share(self.amount + amount).unsqueeze(-1)
        return signal + amount * (wet - signal), decay_time

    def grow_from(self, smaller: Reverb, context: Axis, pattern: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        grow_chain(self.taps, smaller.taps, context)
        grow_chain(self.shift, smaller.shift, Axis.joined(context, pattern))


def comb_bank(weights: Tensor, decay_time: Tensor, length: int) -> Tensor:
    """Impulse response of combs with delays 1..K: weights (B, K) and times (B, L) to (B, L, length).

    With one decay time, each comb's k-th echo has the same gain as anyone's at that moment, so the bank is that
    falling curve times the weights of those combs that have an echo there.
    """
    n = torch.arange(length, device=weights.device)
    hits = n % torch.arange(1, weights.shape[-1] + 1, device=weights.device).unsqueeze(-1) == 0
    falling = comb_gain(decay_time.unsqueeze(-1), n.to(weights.dtype))
    return falling * (weights @ hits.to(weights.dtype)).unsqueeze(1)
