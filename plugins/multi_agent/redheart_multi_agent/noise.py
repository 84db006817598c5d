"""Noise of exploration."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def gaussian(size: tuple[int, int], scale: float, stream: Generator) -> Tensor:
    """Independent noise, (B, A), with mean 0 and the standard deviation scale."""
    return scale * torch.randn(size, generator=stream)


def ornstein_uhlenbeck(
    previous: Tensor | None, size: tuple[int, int], scale: float, memory: float, stream: Generator
) -> Tensor:
    """Noise with a memory, (B, A): the Ornstein-Uhlenbeck process in steps of 1 (Uhlenbeck and Ornstein 1930).

    x' = (1 - memory) x + s z, with s = scale sqrt(1 - (1 - memory)^2), so that its stationary standard deviation is
    scale and that of two steps k apart correlates by (1 - memory)^k. It begins in the stationary state.
    """
    drawn = torch.randn(size, generator=stream)
    if previous is None:
        return scale * drawn
    kept = 1.0 - memory
    return kept * previous + scale * float((1.0 - kept**2) ** 0.5) * drawn
