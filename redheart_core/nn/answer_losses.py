"""The loss of an answer record by record, the same for every node that answers a field, whatever it descends itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.contract.tensors import has_any
from redheart_core.nn.answers import LEAST, kind_of, scale_of
from redheart_core.nn.losses import binary_cross_entropy, divergence, squared_error_in
from redheart_core.nn.vote_losses import vote_cross_entropy


def answer_losses(field: Field, answer: Tensor, target: Tensor) -> Tensor:
    """Squared errors in units of scale_of the field, or divergences and cross-entropies of probabilities in nats.

    A record's loss is the mean over the places of the axes that it has, and there over the labels.

    Args:
        field: What is answered.
        answer: (N, *shape), values or probabilities; what stands where the target is missing does not count.
        target: (N, *shape), NaN where missing.

    Returns:
        (N,) float64, NaN for records without the target.
    """
    size, kind = len(field.labels) or 1, kind_of(field)
    p, y = (tensor.double().reshape(-1, size) for tensor in (answer, target))
    present = ~y.isnan()
    counted = (torch.where(present, y, 0.0).sum(1) > 0) if kind == "votes" else present.any(1)
    p, y, there = p[counted], y[counted], present[counted]
    if kind == "values":
        found = squared_error_in(scale_of(field))(p, y, there)
    elif kind == "labels":
        found = binary_cross_entropy()(p.clamp(LEAST, 1 - LEAST).logit(), y, there)
    else:
        loss = divergence if kind == "distribution" else vote_cross_entropy
        found = loss(p.clamp(min=LEAST).log(), y, there)
    losses = y.new_full((len(present),), math.nan)
    losses[counted] = found
    whole: Tensor = losses.reshape(len(target), -1).nanmean(1) if len(target) else losses
    return torch.where(has_any(target), whole, math.nan)
