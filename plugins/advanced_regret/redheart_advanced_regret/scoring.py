"""Losses and figures of acts: whether they can be done, and which one is to be regretted least."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def possibility(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy of "can be done": logits (B, A) for payoffs (B, A, S), missing where it cannot."""
    return F.binary_cross_entropy_with_logits(prediction, present.any(-1).to(prediction.dtype), reduction="none").mean(
        -1
    )


def least_regret_agreement(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Share of records whose act of least predicted regret is an act of least regret: (N, A) each; 1 is perfect.

    Only acts that can be done count; with several of the same regret any of them is right.
    """
    best = target.masked_fill(~present, float("inf")).amin(-1)
    chosen = prediction.masked_fill(~present, float("inf")).argmin(-1, keepdim=True)
    return float((target.gather(-1, chosen).squeeze(-1) <= best).double().mean())
