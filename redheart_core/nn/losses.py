"""Losses per record, for LossTerm.function.

All take prediction, target and present, give (B,), and are 0 at their best unless
they say otherwise. A record's loss is the mean over its present numbers; missing ones
are NaN in the target and add neither value nor gradient. Every record has at least
one present.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from redheart_core.contract.errors import DataError

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def present_mean(errors: Tensor, present: Tensor) -> Tensor:
    """Mean of errors over the present numbers of each record: (B, *shape) to (B,).

    Errors at missing places have to be finite; they are left out.
    """
    if errors.dim() == 1:
        return errors
    errors, present = errors.flatten(1), present.flatten(1)
    return torch.where(present, errors, 0.0).sum(-1) / present.sum(-1)


def fill_missing(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """The target with the prediction itself at missing places, so that the error there is 0."""
    return torch.where(present, target, prediction.detach())


def weighted_logs(weights: Tensor, logs: Tensor) -> Tensor:
    """weights * logs elementwise, and 0 without gradient where a weight is 0: a class that cannot happen and does not.

    The limit of w ln p for w = 0, which IEEE arithmetic gives as NaN where ln p is minus infinity.
    """
    return weights * torch.where(weights == 0, 0.0, logs)


def squared_error(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """(p - y)^2; takes values."""
    return present_mean((prediction - fill_missing(prediction, target, present)).square(), present)


def squared_error_in(units: Sequence[float]) -> Loss:
    """((p - y) / u)^2; takes values.

    Args:
        units: u > 0, one of all labels or one for each.
    """

    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        if len(units) == 1:
            return squared_error(prediction, target, present) / units[0] ** 2
        unit = prediction.new_tensor(units)
        return squared_error(prediction / unit, target / unit, present)

    return loss


def huber(beta: float) -> Loss:
    """Smooth L1 (Huber 1964): 0.5 e^2 / beta below beta, |e| - beta / 2 above; takes values."""

    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        filled = fill_missing(prediction, target, present)
        return present_mean(F.smooth_l1_loss(prediction, filled, beta=beta, reduction="none"), present)

    return loss


def divergence(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """KL(q || softmax(z)) in nats (Kullback and Leibler 1951): cross-entropy less the entropy of q; takes logits.

    The gradient is that of the soft cross-entropy, softmax(z) - q. Infinite where a label with a share is impossible.
    """
    log_probabilities = prediction.log_softmax(-1)
    return (torch.xlogy(target, target) - weighted_logs(target, log_probabilities)).sum(-1)


def soft_focal(gamma: float) -> Loss:
    """Sum over k of |q_k - p_k|^gamma BCE(q_k, p_k) less the entropy of q_k, p = softmax(z); takes logits.

    The quality focal loss (Li et al. 2020). For one-hot q it is the focal loss of Lin et al.
    2017 summed over the labels; for soft q it keeps its minimum at p = q, where
    (1 - p_y)^gamma does not.
    """

    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        log_p = prediction.log_softmax(-1)
        p = log_p.exp()
        # log(1 - p) without cancellation: the mass of all other labels
        itself = torch.eye(prediction.shape[-1], dtype=torch.bool, device=prediction.device)
        others = prediction.unsqueeze(-2).masked_fill(itself, -math.inf).clamp(min=torch.finfo(prediction.dtype).min)
        log_rest = others.logsumexp(-1) - prediction.logsumexp(-1, keepdim=True)
        entropy = torch.xlogy(target, target) + torch.xlogy(1 - target, 1 - target)
        excess = entropy - weighted_logs(target, log_p) - weighted_logs(1 - target, log_rest)
        gap = (target - p).abs()
        # below 1, the slope of gap^gamma is infinite at 0, where excess is 0 too
        factor = torch.where(gap == 0, 0.0**gamma, torch.where(gap == 0, 1.0, gap).pow(gamma))
        return weighted_logs(factor, excess).sum(-1)

    return loss


def binary_cross_entropy(positive_weights: Sequence[float] | None = None, smoothing: float = 0.0) -> Loss:
    """-w y ln p - (1 - y) ln(1 - p) in nats for labels of which each is 0 or 1, p = sigmoid(z); takes logits.

    Args:
        positive_weights: w > 0 for each label; 1 if left out.
        smoothing: s in 0..1, 1 excluded: y becomes (1 - s) y + s / 2, and the least loss is above 0.

    Raises:
        DataError: A weight or the smoothing is out of range; when called, weights are not one per label.
    """
    if not 0.0 <= smoothing < 1.0:
        raise DataError(f"label smoothing has to be at least 0 and below 1, got {smoothing!r}")
    weights = None if positive_weights is None else tuple(positive_weights)
    if weights is not None and not all(math.isfinite(weight) and weight > 0 for weight in weights):
        raise DataError(f"positive weights have to be finite numbers above 0, got {weights}")

    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        if weights is not None and len(weights) != prediction.shape[-1]:
            raise DataError(f"{len(weights)} positive weights for {prediction.shape[-1]} labels; give one per label")
        y = torch.where(present, target, 0.0) * (1.0 - smoothing) + smoothing / 2.0
        w = None if weights is None else prediction.new_tensor(weights)
        ends = torch.finfo(prediction.dtype)  # an infinite logit counts as the largest finite one, which gives no NaN
        logits = prediction.clamp(ends.min, ends.max)
        errors = F.binary_cross_entropy_with_logits(logits, y, pos_weight=w, reduction="none")
        return present_mean(errors, present)

    return loss


def pinball(quantiles: tuple[float, ...]) -> Loss:
    """Mean over quantiles of max(q e, (q - 1) e), e = y - p; takes values (B, Q) for a target (B,).

    Koenker and Bassett 1978.
    """

    def loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        levels = prediction.new_tensor(quantiles)
        error = target.unsqueeze(-1) - prediction
        return torch.maximum(levels * error, (levels - 1) * error).mean(-1)

    return loss


def each_member(loss: Loss) -> Loss:
    """The mean of a loss over ensemble members: prediction (B, M, ...) for a target (B, ...)."""

    def member_loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        members = prediction.shape[1]
        target, present = target.repeat_interleave(members, 0), present.repeat_interleave(members, 0)
        return loss(prediction.flatten(0, 1), target, present).view(-1, members).mean(-1)

    return member_loss


def label_groups(labels: Sequence[str], groups: Mapping[str, Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """Places of each group's labels, for grouped.

    Raises:
        DataError: The groups do not hold every label exactly once.
    """
    named = [label for members in groups.values() for label in members]
    if sorted(named) != sorted(labels):
        raise DataError(
            f"groups have to hold each of {', '.join(labels)} exactly once; they hold {', '.join(named) or 'none'}"
        )
    return tuple(tuple(labels.index(label) for label in members) for members in groups.values())


def grouped(loss: Loss, groups: tuple[tuple[int, ...], ...]) -> Loss:
    """A loss of a coarser distribution: prediction (B, G) for a target (B, L) summed over groups of labels."""

    def coarse_loss(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
        sums = torch.stack([target[:, list(group)].sum(-1) for group in groups], -1)
        known = torch.stack([present[:, list(group)].all(-1) for group in groups], -1)
        return loss(prediction, sums, known)

    return coarse_loss


def inconsistency(coarse: Tensor, fine: Tensor, groups: tuple[tuple[int, ...], ...]) -> Tensor:
    """How far a coarse distribution is from the sums of a finer one, for Objective.penalty.

    Mean over records of KL(sums || softmax(coarse)) in nats, the sums being those of
    softmax(fine) over groups: logits (B, G) and (B, L) to a scalar, 0 if they agree. Both
    sides get a gradient.
    """
    log_fine, log_coarse = fine.log_softmax(-1), coarse.log_softmax(-1)
    log_fine = log_fine.clamp(min=torch.finfo(fine.dtype).min)  # the sum of impossible labels has a gradient, 0
    log_sums = torch.stack([log_fine[:, list(group)].logsumexp(-1) for group in groups], -1)
    return weighted_logs(log_sums.exp(), log_sums - log_coarse).sum(-1).mean()


def imbalance(gate: Tensor) -> Tensor:
    """Squared coefficient of variation of the experts' mean gate: (B, E) to a scalar, for Objective.penalty.

    0 if all experts carry the same load, E - 1 if one carries all (importance loss of Shazeer et al. 2017).
    """
    load = gate.mean(0)
    return load.var(unbiased=False) / load.mean().square()
