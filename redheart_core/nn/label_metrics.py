"""Figures over a split for labels that are 0 or 1 and for votes, for Metric.function.

All take prediction, target and present, (N, K), and return a float; missing numbers
are left out. F1 is 2 TP / (2 TP + FP + FN), and macro-F1 its mean over the labels that
are true or predicted somewhere; the others have no F1 (scikit-learn's zero_division=nan).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from redheart_core.contract.errors import DataError, UndefinedError
from redheart_core.contract.nodes import Metric

if TYPE_CHECKING:
    from redheart_core.exact.calibration import CalibrationBins


def macro_f1(prediction: Tensor, target: Tensor, present: Tensor, thresholds: Sequence[float | None]) -> float:
    """Macro-F1 of probabilities that predict a label from its threshold on, p >= t; 1 is perfect.

    Thresholds are one per label, such as redheart_core.nn.thresholds chooses them. A label without one is left out.

    Raises:
        UndefinedError: No label has a threshold, or none is true or predicted.
    """
    if len(thresholds) != prediction.shape[-1]:
        raise DataError(f"{len(thresholds)} thresholds for {prediction.shape[-1]} labels; give one per label")
    kept = [place for place, threshold in enumerate(thresholds) if threshold is not None]
    if not kept:
        raise UndefinedError("no label has a threshold, as none is 1 in any record that thresholds are chosen on")
    limits = torch.tensor([thresholds[place] for place in kept], dtype=torch.float64, device=prediction.device)
    prediction, target, present = prediction[:, kept], target[:, kept], present[:, kept]
    return _macro_f1((prediction.double() >= limits) & present, (target == 1) & present)


def label_calibration_error(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Expected calibration error of the probability that a label is 1, over all labels together; 0 is perfect.

    Sum over 15 bins of their share times |share of ones - mean probability| (Naeini et al. 2015).

    Raises:
        UndefinedError: No record has a number.
    """
    if not bool(present.any()):
        raise UndefinedError(f"none of {len(target)} records has a number")
    return bins_of_present(prediction, target, present).expected_error


def soft_cross_entropy(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Mean over records of -sum q ln p in nats, q the shares of the votes; the mean entropy of q is the least.

    The prediction may be counts as well: it is divided by its sum.

    Raises:
        UndefinedError: A class that has votes is given a probability of 0, so that the figure is infinite.
        DataError: A record's prediction is 0 everywhere.
    """
    p, n = _voted(prediction, target, present)
    size = p.sum(-1, keepdim=True)
    if bool((size <= 0).any()):
        raise DataError(f"{int((size <= 0).sum())} records have the prediction 0 for every class; it has to sum to 1")
    q = n / n.sum(-1, keepdim=True)
    impossible = int(((p == 0) & (q > 0)).any(-1).sum())
    if impossible:
        raise UndefinedError(f"{impossible} of {len(p)} records have votes for a class of probability 0: infinite")
    return float(-torch.xlogy(q, p / size).sum(-1).mean())


def majority_f1(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Macro-F1 of the class with the largest prediction against that with most votes, the first of equal ones."""
    chosen, majority = _chosen(prediction, target, present)
    classes = torch.arange(prediction.shape[-1], device=prediction.device)
    return _macro_f1(chosen.unsqueeze(-1) == classes, majority.unsqueeze(-1) == classes)


def share_calibration_error(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Expected calibration error of the predicted shares of votes, over all classes together; 0 is perfect.

    Sum over 15 bins of predicted shares of |mean observed share - mean predicted share|, weighted with
    how many shares a bin holds. The prediction is divided by its sum.
    """
    return bins_of_shares(prediction, target, present).expected_error


def bins_of_present(prediction: Tensor, target: Tensor, present: Tensor) -> CalibrationBins:
    """Bins of the present numbers of all labels together."""
    from redheart_core.exact.calibration import calibration_bins  # with SciPy, which only this function needs

    p, y = (values[present].double().numpy(force=True) for values in (prediction, target))
    return calibration_bins(p, y)


def bins_of_shares(prediction: Tensor, target: Tensor, present: Tensor) -> CalibrationBins:
    """Bins of the predicted shares of all classes together, of the records that have votes."""
    p, n = _voted(prediction, target, present)
    p, q = (values / values.sum(-1, keepdim=True) for values in (p, n))
    return bins_of_present(p, q, present[torch.where(present, target, 0.0).sum(-1) > 0])


def label_metrics(output: str, target: str) -> tuple[Metric, ...]:
    """The figures by which probabilities of 0 or 1 are evaluated; macro_f1 is the main one."""
    return (
        Metric("macro_f1", output, target, macro_f1, "max", thresholded=True),
        Metric("calibration_error", output, target, label_calibration_error, "min"),
    )


def vote_metrics(output: str, target: str) -> tuple[Metric, ...]:
    """The figures by which predicted shares of votes are evaluated; soft_cross_entropy is the main one.

    A macro-F1 of majorities says little where one class has most of them.
    """
    return (
        Metric("soft_cross_entropy", output, target, soft_cross_entropy, "min"),
        Metric("macro_f1", output, target, majority_f1, "max"),
        Metric("calibration_error", output, target, share_calibration_error, "min"),
    )


def _macro_f1(predicted: Tensor, true: Tensor) -> float:
    """Both (N, K) bool, False where missing."""
    hits = (predicted & true).sum(0).double()
    named = (predicted.sum(0) + true.sum(0)).double()
    used = named > 0
    if not bool(used.any()):
        raise UndefinedError("no label is true or predicted in any record, so there is no F1; give more records")
    return float((2 * hits[used] / named[used]).mean())


def _voted(prediction: Tensor, target: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Predictions and counts of the records that have votes, 0 where missing, float64.

    Raises:
        UndefinedError: No record has votes.
    """
    p, n = (torch.where(present, values, 0.0).double() for values in (prediction, target))
    voted = n.sum(-1) > 0
    if not bool(voted.any()):
        raise UndefinedError(f"none of {len(n)} records has votes")
    return p[voted], n[voted]


def _chosen(prediction: Tensor, target: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Class of the largest prediction, and that of most votes, of the records that have votes."""
    voted = torch.where(present, target, 0.0).sum(-1) > 0
    p, n = (values.masked_fill(~present, -math.inf)[voted] for values in (prediction, target))
    return p.argmax(-1), n.argmax(-1)
