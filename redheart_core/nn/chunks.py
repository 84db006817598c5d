"""What is taken of a masked sequence of chunks.

Shapes: B records, T chunks, W width. A mask is (B, T) bool, True for real chunks, which come first; what stands at
padded places never reaches a result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def masked_mean(sequence: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real chunks: (B, T, W) to (B, W)."""
    weights = mask.to(sequence.dtype)
    return torch.einsum("btw,bt->bw", sequence, weights / weights.sum(1, keepdim=True))


def last_chunk(sequence: Tensor, mask: Tensor) -> Tensor:
    """What stands at the last real chunk: (B, T, W) to (B, W)."""
    last = mask.sum(1) - 1
    return sequence.gather(1, last.view(-1, 1, 1).expand(-1, 1, sequence.shape[-1])).squeeze(1)


def with_positions(sequence: Tensor, width: int = 0) -> Tensor:
    """Add sinusoids of the chunk's number (Vaswani et al. 2017), which know no greatest length: (B, T, W).

    They are those of a given width, which divides W, again and again; 0 stands for W.
    """
    count, full = sequence.shape[1:]
    width = width or full
    half = (width + 1) // 2
    steps = torch.arange(half, device=sequence.device, dtype=sequence.dtype)
    rates = torch.exp(steps * (-math.log(10_000.0) / half))
    angles = torch.arange(count, device=sequence.device, dtype=sequence.dtype).unsqueeze(1) * rates
    return sequence + torch.cat([angles.sin(), angles.cos()], 1)[:, :width].repeat(1, full // width)


def reversed_places(mask: Tensor) -> Tensor:
    """For each place the one that it swaps with when the real chunks are reversed: (B, T) int64."""
    places = torch.arange(mask.shape[1], device=mask.device).expand(mask.shape)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - places, places)


def present_first(present: Tensor) -> Tensor:
    """For each record the places of what is there, in their order, then of what is missing: (B, P) bool to int64."""
    places = torch.arange(present.shape[1], device=present.device)
    # keys of which no two are the same, as ONNX has no stable sort
    return torch.where(present, places, places + present.shape[1]).argsort(dim=1)


def beside_chunks(sequence: Tensor, features: Sequence[Tensor]) -> Tensor:
    """Features of whole texts (B, F), at length 1, beside every chunk: (B, T, W) to (B, T, W + F of each)."""
    wide = [F.normalize(one, dim=-1).unsqueeze(1).expand(-1, sequence.shape[1], -1) for one in features]
    return torch.cat([sequence, *wide], -1)
