"""What changes over the steps of a life or of a text: tracker, memory, trend."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import AttentionPooling
from redheart_core.nn.chunks import last_chunk
from redheart_core.nn.growing import features_read, grow_chain, grow_gru, grow_pooling, grow_recurrent
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp, trunk
from redheart_core.nn.recurrent import Recurrent


class HistoryEncoder(nn.Module):
    """Earlier scenarios as steps that end with the present one.

    Each step is made of its numbers and of which of them are there. A step without any number
    between two known ones stays in its place.
    """

    def __init__(self, labels: int, width: int) -> None:
        super().__init__()
        self.step = trunk(2 * labels, width, width)

    def forward(self, history: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        """History (B, P, L), NaN where missing, and the present state (B, W) to (B, P + 1, W) and mask (B, P + 1)."""
        numbers, present = fill_missing_input(history)
        steps = self.step(torch.cat([numbers, present.to(numbers.dtype)], -1))
        order = torch.arange(steps.shape[1] + 1, device=steps.device)
        length = (present.any(-1) * order[1:]).amax(1, keepdim=True)
        with_room = torch.cat([steps, torch.zeros_like(now).unsqueeze(1)], 1)
        is_now = (order == length).unsqueeze(-1)
        return torch.where(is_now, now.unsqueeze(1), with_room), order <= length

    def grow_from(self, smaller: HistoryEncoder, stream: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_chain(self.step, smaller.step, features_read(self.step, smaller.step), stream)


class TemporalTracker(nn.Module):
    """A bidirectional LSTM over the steps and a weighted mean of what it tracked."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.lstm = Recurrent(width, width // 2, layers, both_ways=True)
        self.attention = AttentionPooling(width, width)

    def forward(self, steps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, W) to the tracked steps (B, S, W) and their mean (B, W)."""
        tracked = self.lstm(steps, mask)
        return tracked, self.attention(tracked, mask).squeeze(1)

    def grow_from(self, smaller: TemporalTracker, stream: Axis) -> None:
        """Take over what a smaller one computes; it gives what it reads, a stream whose halves are repeated."""
        grow_recurrent(self.lstm, smaller.lstm, stream, repeats=True)
        grow_pooling(self.attention, smaller.attention, stream)


class EmotionMemory(nn.Module):
    """A gated memory (GRU) that reads the tracked steps in order: (B, S, W) to (B, W) after the last real one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell = nn.GRU(width, width, batch_first=True)

    def forward(self, tracked: Tensor, mask: Tensor) -> Tensor:
        states, _ = self.cell(tracked)
        return last_chunk(states, mask)

    def grow_from(self, smaller: EmotionMemory, stream: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_gru(self.cell, smaller.cell, stream, stream)


class Trend(nn.Module):
    """Where it goes: course and memory (B, W) to emotion logits (B, L) and, if wanted, affect (B, A) in -1..1."""

    def __init__(self, width: int, labels: int, affect_labels: int, dropout: float) -> None:
        super().__init__()
        self.state = trunk(2 * width, width, width // 2, dropout=dropout)
        self.emotion = mlp(width // 2, labels)
        self.affect = mlp(width // 2, affect_labels) if affect_labels else None

    def forward(self, course: Tensor, memory: Tensor) -> tuple[Tensor, Tensor | None]:
        state = self.state(torch.cat([course, memory], -1))
        return self.emotion(state), None if self.affect is None else self.affect(state).tanh()

    def grow_from(self, smaller: Trend, stream: Axis) -> None:
        """Take over what a smaller one computes."""
        state = grow_chain(self.state, smaller.state, Axis.joined(stream, stream))
        grow_chain(self.emotion, smaller.emotion, state)
        if self.affect is not None:
            assert smaller.affect is not None
            grow_chain(self.affect, smaller.affect, state)
