"""What lies behind a main metric: calibration, confusion, and where ensembles disagree."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.evaluation.calibrated import Bin
from redheart_core.evaluation.results import Confusion, Diagnosis, Disagreement
from redheart_core.exact.calibration import CalibrationBins
from redheart_core.nn.answers import as_shares
from redheart_core.nn.label_metrics import bins_of_present

ENSEMBLES = ("neighbour ensemble", "top ensemble")
LABELS = 12
"""A confusion matrix has at most so many."""


def diagnose(
    metric: str, field: Field, target: Tensor, answers: Mapping[str, Tensor], spreads: Mapping[str, Tensor]
) -> Diagnosis:
    """Everything about one node.

    Args:
        metric: "node.metric", the main one.
        field: What it answers on.
        target: (N, *shape) of the records that are evaluated, NaN where missing.
        answers: Variant to its predictions, (N, *shape), in the target's own space; one is "crossover".
        spreads: Ensemble to the standard deviation of its members, (N, *shape).
    """
    apart = {name: disagreement(field, answers[name], target, spread) for name, spread in spreads.items()}
    own = answers["crossover"]
    if field.binary:
        return Diagnosis(metric, label_reliability(own, target), None, apart)
    if field.simplex or field.counts:
        return Diagnosis(metric, share_reliability(own, target), confusion(own, target, field.labels), apart)
    return Diagnosis(metric, (), None, apart)


def label_reliability(prediction: Tensor, target: Tensor) -> tuple[Bin, ...]:
    """Bins of the probability that a label is 1, over all labels together.

    Args:
        prediction: (N, *shape), 0..1.
        target: (N, *shape) of 0 and 1, NaN where missing.
    """
    return _bins(prediction, target, ~target.isnan())


def share_reliability(prediction: Tensor, target: Tensor) -> tuple[Bin, ...]:
    """Bins of the predicted share of a label, over all labels together, with the share that it has.

    Args:
        prediction: (N, ..., K), not negative; divided by its sum.
        target: (N, ..., K) shares or counts, NaN where missing; divided by its sum.
    """
    p, y, present = _voted(prediction, target)
    return _bins(p / p.sum(-1, keepdim=True), y / y.sum(-1, keepdim=True), present)


def confusion(prediction: Tensor, target: Tensor, labels: tuple[str, ...]) -> Confusion | None:
    """The top label of the target, the first of equal ones, by that of the prediction; None without any record.

    Of more than LABELS labels those that are most often true, the first of equal ones.

    Args:
        prediction: (N, ..., K).
        target: (N, ..., K) shares or counts, NaN where missing.
        labels: K names.
    """
    p, y, _ = _voted(prediction, target)
    if not len(y):
        return None
    size = len(labels)
    counts = torch.bincount(y.argmax(-1) * size + p.argmax(-1), minlength=size * size).reshape(size, size)
    shown = sorted(counts.sum(1).argsort(descending=True, stable=True)[:LABELS].tolist())
    table = counts[shown][:, shown]
    rows = tuple(tuple(row) for row in table.tolist())
    return Confusion(tuple(labels[place] for place in shown), rows, int(counts.sum() - table.sum()))


def disagreement(field: Field, prediction: Tensor, target: Tensor, spread: Tensor) -> Disagreement:
    """The disagreement of an ensemble's members, and how it goes with the ensemble's absolute error.

    Counts are compared as shares of their sum.

    Args:
        field: What is answered on.
        prediction: (N, *shape) of the ensemble.
        target: (N, *shape), NaN where missing; every record has a number.
        spread: (N, *shape), standard deviation over members.
    """
    target = as_shares(field, target)
    present = ~target.isnan()
    present, error, spread = (
        tensor.reshape(len(target), -1) for tensor in (present, (prediction - target).abs().double(), spread.double())
    )
    kept = present.any(1)
    apart, wrong = (torch.where(present, tensor, math.nan)[kept].nanmean(1) for tensor in (spread, error))
    if not len(apart):
        return Disagreement(0.0, None, 0)
    return Disagreement(float(apart.mean()), _rank_correlation(apart, wrong), len(apart))


def _voted(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The places with a target, (M, K) float64, 0 where a label is missing; and which labels are there, bool."""
    p, y = (tensor.reshape(-1, tensor.shape[-1]).double() for tensor in (prediction, target))
    present = ~y.isnan()
    p, y = torch.where(present, p, 0.0), torch.where(present, y, 0.0)
    kept = (y.sum(-1) > 0) & (p.sum(-1) > 0)
    return p[kept], y[kept], present[kept]


def _bins(prediction: Tensor, target: Tensor, present: Tensor) -> tuple[Bin, ...]:
    """Those that are not empty."""
    if not bool(present.any()):
        return ()
    return filled_bins(bins_of_present(prediction, target, present))


def filled_bins(found: CalibrationBins) -> tuple[Bin, ...]:
    """Those that hold predictions, from low to high."""
    table = zip(found.counts.tolist(), found.predicted.tolist(), found.observed.tolist(), strict=True)
    return tuple(Bin(count, predicted, observed) for count, predicted, observed in table if count)


def _rank_correlation(first: Tensor, second: Tensor) -> float | None:
    """Spearman's, with mean ranks for ties; None if either is constant."""
    from scipy.stats import spearmanr  # half a second, which only this function needs

    if len(first) < 2 or bool((first == first[0]).all()) or bool((second == second[0]).all()):
        return None
    return float(spearmanr(first.numpy(), second.numpy()).statistic)
