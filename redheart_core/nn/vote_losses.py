"""Losses per record for votes, for LossTerm.function; the target is the raw count of each class.

All take logits z (B, K), counts (B, K) and present (B, K), and give (B,) in nats per
vote, so that a record counts the same however many people voted on it. Their least
value is not 0 but about the entropy of the record's votes; the excess is what can be
learnt. Classes whose count is missing are left out: what remains is the likelihood of
the other votes among their own classes. No votes, no loss.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LARGE = 100.0
"""From here on Stirling's series to the fifth order is exact in double precision."""


def vote_cross_entropy(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """-sum_k q_k ln softmax(z)_k for the shares q = n / sum n: the soft cross-entropy, least for softmax(z) = q.

    Its least value is the entropy of q, its gradient softmax(z) - q (reference section 10.1).
    """
    counts, log_p = _known(prediction, target, present)
    return _per_vote(-(counts * log_p).sum(-1), counts)


def dirichlet_multinomial(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """-ln L / sum n of the votes in their order, with shares drawn from Dir(alpha), alpha = exp(z).

    ln L = lnG(A) - lnG(A + n) + sum_k [lnG(alpha_k + n_k) - lnG(alpha_k)], A = sum alpha, n = sum n_k
    (reference section 10.1). softmax(z) is the mean share, and A says how surely: for large A the
    loss is vote_cross_entropy. Computed in float64.
    """
    counts, log_p = _known(prediction.double(), target.double(), present)
    log_alpha = torch.where(present, prediction, 0.0).double()
    log_total = prediction.double().masked_fill(~present, -math.inf).logsumexp(-1)
    of_classes = _rising(log_alpha, counts).sum(-1)
    surprise = _rising(log_total, counts.sum(-1)) - of_classes - (counts * log_p).sum(-1)
    return _per_vote(surprise, counts).to(prediction.dtype)


def _known(prediction: Tensor, target: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Counts, 0 where missing, and log-probabilities among the classes that are there, 0 where missing."""
    counts = torch.where(present, target, 0.0)
    log_p = prediction.masked_fill(~present, -math.inf).log_softmax(-1)
    return counts, log_p.masked_fill(~present, 0.0)


def _per_vote(losses: Tensor, counts: Tensor) -> Tensor:
    size = counts.sum(-1)
    return losses / torch.where(size > 0, size, 1.0)


def _rising(log_a: Tensor, n: Tensor) -> Tensor:
    """lnG(a + n) - lnG(a) - n ln a >= 0 without cancellation: 0 for n = 0, and in the limit of large a."""
    a = log_a.exp()
    is_large = a >= _LARGE
    small, large = torch.where(is_large, 1.0, a), torch.where(is_large, a, _LARGE)
    exact = torch.lgamma(small + n) - torch.lgamma(small) - n * small.log()
    series = (large + n - 0.5) * torch.log1p(n / large) - n + _stirling(large + n) - _stirling(large)
    return torch.where(is_large, series, exact)


def _stirling(x: Tensor) -> Tensor:
    """lnG(x) - (x - 1/2) ln x + x - ln(2 pi) / 2 for large x."""
    return 1 / (12 * x) - 1 / (360 * x**3) + 1 / (1260 * x**5)
