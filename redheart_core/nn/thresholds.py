"""Thresholds: from which probability on a label counts as predicted, chosen on validation records."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError


@attrs.frozen
class Thresholds:
    """One threshold per label; a label is predicted where its probability is at least that."""

    values: tuple[float | None, ...]
    """Each 0..1; None for a label that is 1 in no record: every threshold gives it an F1 of 0, so none is chosen."""
    f1: tuple[float | None, ...]
    """F1 of each label on the records of the choice, which is better than on others."""


def best_thresholds(probabilities: Tensor, targets: Tensor, labels: Sequence[str]) -> Thresholds:
    """The threshold of each label that gives the highest F1, by an exact scan over all that make a difference.

    These are the midpoints between neighbouring probabilities of a label's records, and between
    the lowest and 0. Of equally good ones the nearest to 0.5 is taken, of two equally near the higher.

    Args:
        probabilities: (N, L) in 0..1.
        targets: (N, L) of 0 and 1, NaN where missing; those records are left out.
        labels: L names, for messages.

    Raises:
        DataError: Other shapes or values.
    """
    shape = (len(targets), len(labels))
    if probabilities.shape != shape or targets.shape != shape:
        raise DataError(
            f"thresholds need probabilities and targets of shape (N, {len(labels)}), "
            f"got {tuple(probabilities.shape)} and {tuple(targets.shape)}"
        )
    present = ~targets.isnan()
    if not bool(((probabilities >= 0) & (probabilities <= 1) | ~present).all()):
        raise DataError("thresholds need probabilities in 0..1; apply the sigmoid to logits first")
    if not bool(((targets == 0) | (targets == 1) | ~present).all()):
        raise DataError("thresholds need targets that are 0, 1 or missing")
    found = [_best(p[there], y[there]) for p, y, there in zip(probabilities.T, targets.T, present.T, strict=True)]
    return Thresholds(tuple(value for value, _ in found), tuple(f1 for _, f1 in found))


def _best(probabilities: Tensor, targets: Tensor) -> tuple[float | None, float | None]:
    """Threshold and F1 of one label, (n,) each."""
    if not bool((targets == 1).any()):
        return None, None
    p, order = probabilities.double().sort(descending=True)
    hits = (targets[order] == 1).double().cumsum(0)
    lower = torch.cat([p[1:], p.new_zeros(1)])
    middle = (p + lower) / 2
    # the middle of two neighbouring floats may round down to the lower one, which must stay below
    cuts = torch.where(middle > lower, middle, p)
    named = torch.arange(1, len(p) + 1, dtype=torch.float64, device=p.device)
    f1 = 2 * hits / (named + hits[-1])
    possible = p > lower
    possible[-1] = True
    best = possible & (f1 == f1[possible].max())
    nearest = int((cuts[best] - 0.5).abs().argmin())
    return float(cuts[best][nearest]), float(f1[best][nearest])
