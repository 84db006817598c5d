"""Copies of a network in one matrix product, and a mixture of them.

Shapes: B records, C copies, W width.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.layers import mlp


class ParallelLinear(nn.Module):
    """C independent linear layers in one matrix product: (C, B, in) to (C, B, out)."""

    def __init__(self, copies: int, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(copies, width_in, width_out))
        self.bias = nn.Parameter(torch.empty(copies * width_out))  # a vector, as weight decay spares vectors
        bound = width_in**-0.5  # that of nn.Linear
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias.view(len(self.weight), 1, -1), x, self.weight)


class ParallelNorm(nn.Module):
    """C independent layer norms: (C, B, W) to (C, B, W)."""

    def __init__(self, copies: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.ones(copies * width))
        self.bias = nn.Parameter(torch.zeros(copies * width))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, 1, self.width)
        return torch.addcmul(self.bias.view(shape), F.layer_norm(x, (self.width,)), self.weight.view(shape))


class ParallelMlp(nn.Module):
    """C independent copies of mlp that all read the same vector, or one each.

    (B, in) or (B, C, in) to (B, C, out). One call instead of C, so that many small
    experts or ensemble members cost little more than one.
    """

    def __init__(self, copies: int, *widths: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.copies = copies
        layers: list[nn.Module] = []
        for width_in, width_out in itertools.pairwise(widths[:-1]):
            layers += [ParallelLinear(copies, width_in, width_out), ParallelNorm(copies, width_out), nn.GELU()]
        last = ParallelLinear(copies, widths[-2], widths[-1])
        self.layers = nn.Sequential(*layers[:3], nn.Dropout(dropout), *layers[3:], last)

    def forward(self, x: Tensor) -> Tensor:
        stacked = x.expand(self.copies, *x.shape) if x.dim() == 2 else x.transpose(0, 1)
        result: Tensor = self.layers(stacked)
        return result.transpose(0, 1)


class Mixture(nn.Module):
    """A dense mixture of experts: (B, in) to the gated sum (B, out) and the gate (B, E), which sums to one."""

    def __init__(self, experts: int, *widths: int, gate_hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.gate = mlp(widths[0], gate_hidden, experts)
        self.experts = ParallelMlp(experts, *widths, dropout=dropout)

    def forward(self, x: Tensor, emphasis: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mix the experts, each first multiplied by its emphasis (B, E) if there is one."""
        gate: Tensor = self.gate(x).softmax(-1)
        weights = gate if emphasis is None else gate * emphasis
        return torch.einsum("be,beo->bo", weights, self.experts(x)), gate
