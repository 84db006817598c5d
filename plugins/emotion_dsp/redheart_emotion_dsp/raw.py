"""Free numbers for bounded parameters, and the way back for initial values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SMALLEST = 1e-3
"""Added to what must be positive, such as a time."""
EARLY = 0.1
"""Factor on the last layer of a network that shifts a parameter, so that the initial values are nearly kept."""


def positive(x: Tensor) -> Tensor:
    """Any number to one above zero: softplus(x) + 1e-3."""
    return F.softplus(x) + SMALLEST


def free_from_positive(value: Tensor) -> Tensor:
    """What positive maps to a value above 1e-3."""
    return torch.expm1(value - SMALLEST).log()


def share(x: Tensor) -> Tensor:
    """Any number to 0..1."""
    return x.sigmoid()


def free_from_share(value: Tensor) -> Tensor:
    """What share maps to a value between 0 and 1."""
    return value.logit()


@torch.no_grad()
def quiet(layer: nn.Linear) -> nn.Linear:
    """The layer with small weights and no bias at first; not zero, or the layers before it would get no gradient."""
    layer.weight.mul_(EARLY)
    layer.bias.zero_()
    return layer


def quiet_end(network: nn.Sequential) -> nn.Sequential:
    """The network with a quiet last layer."""
    last = network[-1]
    assert isinstance(last, nn.Linear)
    quiet(last)
    return network
