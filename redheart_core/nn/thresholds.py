"""Thresholds: from which probability on a label counts as predicted, chosen on records that were not learnt from.

A threshold that only counts hits follows the accidents of a rare label's few positive records. The best threshold of
probabilities that can be trusted needs no targets at all: it is the one of the highest expected F1 (Ye, Chai, Lee and
Chieu 2012; Lipton, Elkan and Naryanaswamy 2014). Here both have a say: a positive record counts as much as it is
probable to be positive, and the more positive records there are, as much as it is one.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit
from torch import Tensor

from redheart_core.contract.errors import DataError

Numbers = NDArray[np.float64]

PRIOR_POSITIVES = 100.0
"""With so many positive records the targets count as much as the probabilities."""
SHIFT_DEVIATION = 0.5
"""Prior deviation of what is added to a label's logits so that its probabilities sum to its positive records."""


@attrs.frozen
class Thresholds:
    """One threshold per label; a label is predicted where its probability is at least that."""

    values: tuple[float | None, ...]
    """Each 0..1; None for a label that is 1 in no record, so that no threshold can give a hit."""
    f1: tuple[float | None, ...]
    """F1 of each label on the records of the choice."""


def best_thresholds(probabilities: Tensor, targets: Tensor, labels: Sequence[str]) -> Thresholds:
    """The threshold of each label that gives the highest F1 of expected hits.

    All are compared that make a difference: the midpoints between neighbouring probabilities of a label's records, and
    between the lowest and 0. Of equally good ones the highest is taken.

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
    columns = zip(probabilities.T, targets.T, present.T, strict=True)
    found = [_best(_numbers(p[there]), _numbers(y[there])) for p, y, there in columns]
    return Thresholds(tuple(value for value, _ in found), tuple(f1 for _, f1 in found))


def expected_hits(probabilities: Numbers, targets: Numbers) -> Numbers:
    """How much of a hit each record is if it is predicted, (n,) in 0..1: its target, shrunk to its probability.

    The probabilities are first shifted by a constant on their logits towards the share of positive records, as far as
    these can tell it, since those of a loss with weights for positive records are all too high.

    Args:
        probabilities: (n,).
        targets: (n,) of 0 and 1, of which at least one is 1.
    """
    from scipy.optimize import brentq  # half a second, which only this function needs

    with np.errstate(divide="ignore"):  # of 0 and 1, whose logits are infinite and stay so
        logits, positives = logit(probabilities), float(targets.sum())
    precision = SHIFT_DEVIATION**-2

    def slope(shift: float) -> float:
        return float(expit(logits + shift).sum() - positives + precision * shift)

    end = len(targets) / precision  # where the prior outweighs all records
    shifted = expit(logits + brentq(slope, -end, end))
    share = positives / (positives + PRIOR_POSITIVES)
    return np.asarray(share * targets + (1 - share) * shifted)


def _best(probabilities: Numbers, targets: Numbers) -> tuple[float | None, float | None]:
    """Threshold and F1 of one label, (n,) each."""
    if not targets.any():
        return None, None
    order = np.argsort(-probabilities, kind="stable")
    p = probabilities[order]
    lower = np.append(p[1:], 0.0)
    middle = (p + lower) / 2
    # the middle of two neighbouring floats may round down to the lower one, which must stay below
    cuts = np.where(middle > lower, middle, p)
    possible = p > lower
    possible[-1] = True
    best = np.where(possible, _f1(expected_hits(p, targets[order])), -1.0).argmax()
    return float(cuts[best]), float(_f1(targets[order])[best])


def _f1(hits: Numbers) -> Numbers:
    """F1 of predicting the first, the first two and so on of (n,) records."""
    found = np.cumsum(hits)
    return np.asarray(2 * found / (np.arange(1, len(hits) + 1) + found[-1]))


def _numbers(tensor: Tensor) -> Numbers:
    return np.asarray(tensor.to(torch.float64).cpu().numpy())
