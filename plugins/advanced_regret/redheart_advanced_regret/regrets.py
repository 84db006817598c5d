"""Regret of acts by its exact definition (Savage 1951), with a gradient to payoffs and possibilities."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor


def regret_matrix(payoffs: Tensor, possible: Tensor) -> Tensor:
    """r(a, s) = max over possible acts b of u(b, s), or u(a, s) itself if larger, less u(a, s).

    Where an act is possible only with a probability, the expected value over all sets
    of possible acts, each act independent of the others: the best act that is possible
    is the one of rank k with probability q_k (1 - q_1) ... (1 - q_(k-1)).

    Args:
        payoffs: u, (B, A, S).
        possible: q, (B, A) in 0..1.

    Returns:
        (B, A, S), >= 0. With possibilities of 0 and 1 it is the definition itself.
    """
    ranked, order = payoffs.sort(1, descending=True)
    q = possible.unsqueeze(-1).expand_as(payoffs).gather(1, order)
    none_before = torch.cat([torch.ones_like(q[:, :1]), _products(1 - q[:, :-1])], 1)
    best = q * none_before
    gain = (best * ranked).cumsum(1) - ranked * best.cumsum(1)
    return torch.zeros_like(payoffs).scatter(1, order, gain.clamp(min=0.0))


def _products(shares: Tensor) -> Tensor:
    """The products of the first one, two, ... acts: (B, A, S) to the same; ONNX has no operator for all at once."""
    if not torch.compiler.is_exporting():
        return shares.cumprod(1)
    return torch.stack(list(accumulate(shares.unbind(1), torch.mul)), 1)


def expected_regret(regrets: Tensor, probabilities: Tensor) -> Tensor:
    """ER(a) = sum over states of p(s) r(a, s): (B, A, S) and (B, S) to (B, A)."""
    return torch.einsum("bas,bs->ba", regrets, probabilities)


def largest_regret(regrets: Tensor) -> Tensor:
    """The largest regret over the states, by which minimax regret ranks acts: (B, A, S) to (B, A)."""
    return regrets.amax(-1)


def saturated(size: Tensor, half: float) -> Tensor:
    """r / (r0 + r), which maps a regret >= 0 to 0..1; a regret of r0 > 0 is one half."""
    return size / (half + size)
