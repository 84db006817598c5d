"""The loss per record of votes, for LossTerm.function; the target is the raw count of each class."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from redheart_core.nn.losses import weighted_logs


def vote_cross_entropy(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """-sum_k q_k ln softmax(z)_k for the shares q = n / sum n: the soft cross-entropy, least for softmax(z) = q.

    Its least value is the entropy of q, its gradient softmax(z) - q. Dividing by the votes makes a record count the
    same however many people voted on it. Classes whose count is missing are left out: what remains is the likelihood
    of the other votes among their own classes. No votes, no loss.

    Args:
        prediction: Logits z (B, K).
        target: Counts n (B, K).
        present: (B, K).

    Returns:
        (B,) nats per vote; infinite where a class that has votes is impossible.
    """
    counts = torch.where(present, target, 0.0)
    log_p = prediction.masked_fill(~present, -math.inf).log_softmax(-1)
    size = counts.sum(-1)
    return -weighted_logs(counts, log_p).sum(-1) / torch.where(size > 0, size, 1.0)
