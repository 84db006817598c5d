"""Recurrence over the chunks of a text.

Shapes: B records, T chunks, W width. A mask is (B, T) bool, True for real chunks, which come first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.nn.chunks import reversed_places


class Recurrent(nn.Module):
    """LSTM layers over the chunks: (B, T, in) to the states (B, T, width x directions).

    Real chunks come first, so a forward LSTM meets padding only after them; a backward one
    reads each text from its own last chunk. Both therefore run on padded tensors, which is
    more than twice as fast on a CPU as packed ones. States at padded places mean nothing.
    """

    def __init__(self, width_in: int, width: int, layers: int, *, both_ways: bool = False) -> None:
        super().__init__()
        directions = 2 if both_ways else 1
        widths = [width_in, *[width * directions] * (layers - 1)]
        self.forwards = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in widths)
        self.backwards = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in widths if both_ways)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        if not self.backwards:
            for forwards in self.forwards:
                sequence, _ = forwards(sequence)
            return sequence
        order = reversed_places(mask).unsqueeze(-1)
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            seen, _ = forwards(sequence)
            awaited, _ = backwards(sequence.gather(1, order.expand_as(sequence)))
            sequence = torch.cat([seen, awaited.gather(1, order.expand_as(awaited))], -1)
        return sequence
