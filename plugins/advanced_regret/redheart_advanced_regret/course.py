"""Regret in time: the person's past, and how regret goes on over the horizons."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import Attention
from redheart_core.nn.chunks import last_chunk
from redheart_core.nn.layers import mlp
from redheart_core.nn.recurrent import Recurrent


class Past(nn.Module):
    """An LSTM over the earlier scenarios of the person: (B, P, L), NaN where missing, to (B, W).

    A person without any has the zero vector. An indicator distinguishes what is missing inside a scenario from 0.
    """

    def __init__(self, labels: int, width: int) -> None:
        super().__init__()
        self.recurrent = Recurrent(2 * labels, width, 1)

    def forward(self, history: Tensor) -> Tensor:
        numbers, present = fill_missing_input(history)
        # scenarios up to the last one that is there, so that a gap in between counts as one
        steps = present.any(-1).flip(1).cumsum(1).flip(1) > 0
        states = self.recurrent(torch.cat([numbers, present.to(numbers.dtype)], -1), steps)
        some = steps.any(1)
        filled = steps | ~some.unsqueeze(1)
        return last_chunk(states, filled) * some.unsqueeze(-1)


class Future(nn.Module):
    """A GRU from the moment of the choice over the horizons, each of which also reads the text: to (B, H) in 0..1.

    Args:
        width: W of what is known.
        heads: Attention heads, a divisor of width.
        layers: GRU layers.
        horizons: H.
        estimates: E, estimates of the regret's size.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, *, width: int, heads: int, layers: int, horizons: int, estimates: int, dropout: float) -> None:
        super().__init__()
        two_thirds = width * 2 // 3
        self.horizons = nn.Parameter(torch.empty(horizons, width))
        nn.init.uniform_(self.horizons, -(3**0.5), 3**0.5)  # of variance one
        self.norm = nn.LayerNorm(width)
        self.reading = Attention(width, width, width, heads)
        self.begin = nn.Linear(width, layers * two_thirds)
        self.recurrent = nn.GRU(width, two_thirds, layers, batch_first=True)
        self.dynamics = mlp(two_thirds + width + estimates, width, two_thirds, 1, dropout=dropout)

    def forward(self, state: Tensor, sequence: Tensor, mask: Tensor, estimates: Tensor) -> Tensor:
        """State (B, W), chunks (B, T, W) and estimates (B, E) to the course (B, H)."""
        steps = state.unsqueeze(1) + self.horizons
        steps = self.norm(steps + self.reading(self.norm(steps), sequence, mask))
        begin = self.begin(state).tanh().unflatten(-1, (self.recurrent.num_layers, -1)).transpose(0, 1)
        course, _ = self.recurrent(steps, begin.contiguous())
        known = torch.cat([state, estimates], -1).unsqueeze(1).expand(-1, course.shape[1], -1)
        return self.dynamics(torch.cat([course, known], -1)).squeeze(-1).sigmoid()  # type: ignore[no-any-return] # nn.Module.__call__ gives Any
