"""Transfer entropy between two persons from a log of their moods."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.chunks import present_first
from redheart_core.nn.growing import grow_chain, grow_linear, grow_recurrent
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp
from redheart_core.nn.recurrent import Recurrent

WINDOW = 3
"""Days that are seen together: one lag and one more."""
CHANCE = 0.125
"""Standard deviation of a correlation of 64 days that comes by chance, 1 / sqrt(64)."""
START = -3.0
"""Output before the softplus at which training starts: 0.05 nats, as couplings are mostly weak."""


class Transfer(nn.Module):
    """Transfer entropy of each direction: a log (B, N, P) of P persons, NaN where missing, to (B, directions), > 0.

    Each person's moods are standardised within the record, so that units do not
    matter, and both directions go through the same network with the roles of source
    and target swapped. It sees the lagged correlations over all windows of days,
    from which the transfer entropy of a linear coupling follows, and the mean state of
    a convolution with a recurrent layer, for what is not linear.

    Args:
        directions: For each output the places of the source and of the target among the P persons.
        width: Width of the network.
    """

    def __init__(self, directions: Sequence[tuple[int, int]], width: int) -> None:
        super().__init__()
        self.directions = tuple(directions)
        self.window = nn.Linear(2 * WINDOW, width)
        self.recurrent = Recurrent(width, width, 1)
        self.moments = [(a, b) for a in range(2 * WINDOW) for b in range(a)]
        self.output = mlp(len(self.moments) + width, 2 * width, width, 1)
        nn.init.constant_(self.output.get_parameter("7.bias"), START)

    def forward(self, log: Tensor) -> Tensor:
        numbers, present = fill_missing_input(log)
        count = present.sum(1, keepdim=True).clamp(min=1)
        centred = torch.where(present, numbers - numbers.sum(1, keepdim=True) / count, 0.0)
        spread = (centred.square().sum(1, keepdim=True) / count).sqrt()
        moods = centred / torch.where(spread > 0, spread, 1.0)
        # (B D, N - 2, 2 x 3): source and target on three days, for each direction of each record
        windows = torch.stack([moods[..., list(pair)] for pair in self.directions], 1).flatten(0, 1)
        windows = windows.unfold(1, WINDOW, 1).flatten(2)
        there = torch.stack([present[..., list(pair)].all(-1) for pair in self.directions], 1).flatten(0, 1)
        # a window with a gap is left out: for the recurrent layer the days around it are neighbours
        whole = there.unfold(1, WINDOW, 1).all(-1)
        order = present_first(whole)
        windows = windows.gather(1, order.unsqueeze(-1).expand_as(windows))
        whole = whole.gather(1, order)

        weights = whole.to(windows.dtype) / whole.sum(1, keepdim=True).clamp(min=1)
        one, other = (list(places) for places in zip(*self.moments, strict=True))
        moments = torch.einsum("ndm,ndm,nd->nm", windows[..., one], windows[..., other], weights)
        states = self.recurrent(F.gelu(self.window(windows)), whole)
        summary = torch.einsum("ndw,nd->nw", states, weights)
        transfer = F.softplus(self.output(torch.cat([moments / CHANCE, summary], -1)))
        return transfer.view(log.shape[0], len(self.directions))

    def grow_from(self, smaller: Transfer) -> None:
        """Take over what a smaller one computes."""
        seen = Axis.padded(smaller.window.out_features, self.window.out_features)
        grow_linear(self.window, smaller.window, Axis.same(2 * WINDOW), seen)
        summary = grow_recurrent(self.recurrent, smaller.recurrent, seen)
        grow_chain(self.output, smaller.output, Axis.joined(Axis.same(len(self.moments)), summary))
