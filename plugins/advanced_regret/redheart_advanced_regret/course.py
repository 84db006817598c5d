"""Regret in time: the person's past, and how regret goes on over the horizons."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import Attention
from redheart_core.nn.chunks import last_chunk
from redheart_core.nn.growing import (
    grow_attention,
    grow_chain,
    grow_gru,
    grow_linear,
    grow_norm,
    grow_own,
    grow_recurrent,
)
from redheart_core.nn.growing_axes import Axis
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

    def grow_from(self, smaller: Past) -> Axis:
        """What it gives then."""
        read = smaller.recurrent.forwards[0].get_parameter("weight_ih_l0").shape[1]
        return grow_recurrent(self.recurrent, smaller.recurrent, Axis.same(read))


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

    def grow_from(self, smaller: Future, state: Axis, sequence: Axis, estimates: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller, state)
        grow_attention(self.reading, smaller.reading, grow_norm(self.norm, smaller.norm, state), sequence, state)
        course = Axis.padded(smaller.recurrent.hidden_size, self.recurrent.hidden_size)
        grow_linear(self.begin, smaller.begin, state, Axis.joined(*[course] * self.recurrent.num_layers))
        grow_gru(self.recurrent, smaller.recurrent, state, course)
        grow_chain(self.dynamics, smaller.dynamics, Axis.joined(course, state, estimates))
