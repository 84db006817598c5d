"""The constant and the linear baseline of every field of a data set on validation, in the field's own figures.

The linear one is that of redheart_core.inspection.baselines, for all fields at once: labels that the same training
records have share one eigendecomposition, which serves every penalty.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import Metric
from redheart_core.data.store import Store
from redheart_core.inspection.baselines import PENALTIES, constant_baseline, mean_embedding
from redheart_core.inspection.findings import BaselineFigure
from redheart_core.nn.answers import answer_metrics
from redheart_core.nn.thresholds import best_thresholds

Numbers = NDArray[np.float64]


@attrs.frozen
class FieldBaselines:
    """Both baselines of one field."""

    figures: tuple[BaselineFigure, ...]
    note: str
    """Labels that the figures leave out, or why there are none; empty if all is well."""


def field_baselines(store: Store, fields: Sequence[tuple[Field, Numbers]]) -> dict[str, FieldBaselines]:
    """Judge both baselines on validation; thresholds are chosen there too.

    Labels of 0 and 1 and values that do not vary on validation have no figure.

    Args:
        store: The data.
        fields: With their numbers (N, P, L), NaN where missing, votes as shares.
    """
    train, validation = (store.rows(split) for split in ("train", "validation"))
    parts = {field.name: [numbers[rows.numpy(), 0] for rows in (train, validation)] for field, numbers in fields}
    reasons = {field.name: _obstacle(field, *parts[field.name]) for field, _ in fields}
    able = [field for field, _ in fields if not reasons[field.name]]
    found = {name: FieldBaselines((), f"none: {reason}") for name, reason in reasons.items() if reason}
    if not able:
        return found
    y, y_validation = (np.concatenate([parts[field.name][part] for field in able], axis=1) for part in (0, 1))
    x, x_validation = (mean_embedding(store, rows).astype(np.float64) for rows in (train, validation))
    linear = linear_predictions(x, y, x_validation, y_validation)
    widths = [parts[field.name][0].shape[1] for field in able]
    for field, columns in zip(able, np.split(linear, np.cumsum(widths)[:-1], axis=1), strict=True):
        constant = constant_baseline(store, field, len(validation)).reshape(len(validation), -1)
        found[field.name] = _judge(store, field, (constant, into_range(field, columns)))
    return found


def linear_predictions(x: Numbers, y: Numbers, x_validation: Numbers, y_validation: Numbers) -> Numbers:
    """Ridge regression with intercept of each label on the records that have it, by its best penalty on validation.

    Args:
        x: (n, D).
        y: (n, L), NaN where missing; no column is all missing.
        x_validation: (m, D).
        y_validation: (m, L), NaN where missing; no column is all missing.

    Returns:
        (m, L) on validation; the penalty is the one of PENALTIES with the least mean absolute error.
    """
    there = ~np.isnan(y)
    patterns: dict[bytes, list[int]] = {}
    for place, column in enumerate(there.T):
        patterns.setdefault(np.packbits(column).tobytes(), []).append(place)
    result = np.empty_like(y_validation)
    for held in patterns.values():
        places = np.array(held)
        rows = np.flatnonzero(there[:, places[0]])
        centre, mean = x[rows].mean(0), y[np.ix_(rows, places)].mean(0)
        centred = x[rows] - centre
        sizes, axes = np.linalg.eigh(centred.T @ centred)
        moments = axes.T @ (centred.T @ (y[np.ix_(rows, places)] - mean))
        turned = (x_validation - centre) @ axes
        # rounding leaves the smallest eigenvalues a little below 0
        candidates = np.stack(
            [turned @ (moments / (np.maximum(sizes, 0.0) + penalty)[:, None]) + mean for penalty in PENALTIES]
        )
        errors = np.nanmean(np.abs(candidates - y_validation[:, places]), axis=1)
        result[:, places] = candidates[errors.argmin(0), :, np.arange(len(places))].T
    return result


def into_range(field: Field, prediction: Numbers) -> Tensor:
    """(N, L) float32, clipped to the field's range and scaled to sum to one for distributions and votes."""
    clipped = np.clip(prediction, field.low, field.high)
    if field.simplex or field.counts:
        clipped = np.maximum(clipped, 1e-6)
        clipped /= clipped.sum(-1, keepdims=True)
    return torch.from_numpy(clipped.astype(np.float32))


def _obstacle(field: Field, train: Numbers, validation: Numbers) -> str:
    """Why a field has no baselines; empty if it has."""
    if field.axes:
        return "the numbers lie along axes"
    names = field.labels or (field.name,)
    missing = []
    for split, numbers in (("train", train), ("validation", validation)):
        lacking = [name for name, column in zip(names, numbers.T, strict=True) if np.isnan(column).all()]
        missing += [f"{', '.join(lacking)} in {split}"] if lacking else []
    if missing:
        return f"no number for {' and '.join(missing)}"
    return "" if _judged(field, validation) else "constant on validation"


def _judged(field: Field, validation: Numbers) -> list[int]:
    """The labels that have figures."""
    if field.simplex or field.counts:
        return list(range(validation.shape[1]))
    return np.flatnonzero(np.nanmax(validation, 0) > np.nanmin(validation, 0)).tolist()


def _judge(store: Store, field: Field, predictions: tuple[Tensor, Tensor]) -> FieldBaselines:
    """Figures of the constant and the linear prediction, (N, L) each on validation."""
    rows = store.rows("validation")
    target = store.target(field.name)[rows].reshape(len(rows), -1)
    there = torch.nan_to_num(target).sum(-1) > 0 if field.counts else (~target.isnan()).any(-1)
    names, columns = field.labels or (field.name,), _judged(field, target.double().numpy())
    target, constant, linear = (tensor[there][:, columns] for tensor in (target, *predictions))
    labels = [names[place] for place in columns]
    figures = tuple(
        BaselineFigure(metric.name, metric.direction, *(_figure(metric, p, target, labels) for p in (constant, linear)))
        for metric in answer_metrics(field)
    )
    left_out = [name for name in names if name not in labels]
    return FieldBaselines(figures, f"without {', '.join(left_out)}, constant on validation" if left_out else "")


def _figure(metric: Metric, prediction: Tensor, target: Tensor, labels: Sequence[str]) -> float:
    present = ~target.isnan()
    if metric.thresholded:
        return metric.function(prediction, target, present, best_thresholds(prediction, target, labels).values)
    return metric.function(prediction, target, present)
