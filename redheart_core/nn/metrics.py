"""Figures over a split, for Metric.function.

All take prediction, target and present, (N, *shape), and return a float.
Missing numbers are left out. What has no value on some records, such as a correlation with a constant, raises
UndefinedError with the reason. torchmetrics offers stateful modules without a mask of missing labels or a reason; the
figures are tested against scikit-learn and SciPy instead.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from redheart_core.contract.errors import UndefinedError
from redheart_core.contract.nodes import Metric


def mean_absolute_error(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Mean of |p - y| over all present numbers; 0 is perfect."""
    return float(_errors(prediction, target, present).abs().double().mean())


def root_mean_squared_error(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Square root of the mean of (p - y)^2 over all present numbers; 0 is perfect."""
    return float(_errors(prediction, target, present).double().square().mean().sqrt())


def explained_variance(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """R^2 = 1 - SS_residual / SS_total, SS_total about each label's own mean; 1 is perfect, 0 the constant mean.

    Raises:
        UndefinedError: No label varies, so that there is nothing to explain.
    """
    target, prediction, present = _columns(target), _columns(prediction), _columns(present)
    if not bool(_varies(target, present).any()):
        raise UndefinedError(f"the target is constant over {len(target)} records, so that no variance can be explained")
    y = torch.where(present, target, 0.0).double()
    count = present.sum(0).clamp(min=1)
    total = torch.where(present, (y - y.sum(0) / count).square(), 0.0).sum()
    residual = torch.where(present, (y - prediction.double()).square(), 0.0).sum()
    return float(1 - residual / total)


def pearson_r(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Pearson correlation of each label, mean over labels; 1 is perfect, 0 no linear relation.

    A constant prediction of a label orders nothing and counts as 0. A label whose target is constant has no
    correlation and is left out of the mean.

    Raises:
        UndefinedError: The target of every label is constant.
    """
    prediction, target, present = _columns(prediction).double(), _columns(target).double(), _columns(present)
    varies = _varies(target, present)
    if not bool(varies.any()):
        raise UndefinedError(f"no correlation with a target that is constant over {len(target)} records")
    columns = zip(prediction.T[varies], target.T[varies], present.T[varies], strict=True)
    pairs = [(p[there], y[there]) for p, y, there in columns]
    return sum(0.0 if bool((p == p[0]).all()) else _correlation(p, y) for p, y in pairs) / len(pairs)


def _correlation(p: Tensor, y: Tensor) -> float:
    p, y = p - p.mean(), y - y.mean()
    return float(torch.dot(p / p.norm(), y / y.norm()))


def jensen_shannon(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Mean Jensen-Shannon divergence of two distributions in bits; 0 is perfect, 1 the worst (Lin 1991)."""
    p, q = prediction.double(), target.double()
    middle = (p + q) / 2
    divergence = (torch.xlogy(p, p) + torch.xlogy(q, q)) / 2 - torch.xlogy(middle, middle)
    return float(divergence.sum(-1).mean() / torch.log(torch.tensor(2.0, dtype=torch.float64)))


def top_label_accuracy(prediction: Tensor, target: Tensor, present: Tensor) -> float:
    """Share of records whose largest predicted label is a largest target label; 1 is perfect."""
    chosen = target.gather(-1, prediction.argmax(-1, keepdim=True)).squeeze(-1)
    return float((chosen >= target.amax(-1)).double().mean())


def distribution_metrics(output: str, target: str) -> tuple[Metric, ...]:
    """The figures by which a distribution is evaluated; jensen_shannon is the main one."""
    return (
        Metric("jensen_shannon", output, target, jensen_shannon, "min"),
        Metric("top_label_accuracy", output, target, top_label_accuracy, "max"),
        Metric("mean_absolute_error", output, target, mean_absolute_error, "min"),
    )


def value_metrics(output: str, target: str) -> tuple[Metric, ...]:
    """The figures by which plain numbers are evaluated; root_mean_squared_error is the main one,
    since squared losses aim at it."""
    return (
        Metric("root_mean_squared_error", output, target, root_mean_squared_error, "min"),
        Metric("explained_variance", output, target, explained_variance, "max"),
        Metric("mean_absolute_error", output, target, mean_absolute_error, "min"),
    )


def _errors(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """Prediction less target where the target is there.

    Raises:
        UndefinedError: It is nowhere there.
    """
    if not bool(present.any()):
        raise UndefinedError(f"none of {len(target)} records has a number")
    return (prediction - target)[present]


def _varies(target: Tensor, present: Tensor) -> Tensor:
    """Which labels have two different numbers: (N, L) to (L,) bool."""
    if not len(target):
        return torch.zeros(target.shape[1], dtype=torch.bool)
    highest = target.masked_fill(~present, -math.inf).amax(0)
    return highest > target.masked_fill(~present, math.inf).amin(0)


def _columns(tensor: Tensor) -> Tensor:
    return tensor.flatten(1) if tensor.dim() > 1 else tensor.unsqueeze(-1)
