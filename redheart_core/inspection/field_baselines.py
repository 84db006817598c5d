"""The constant and the linear baseline of every field of a data set on validation, in the field's own figures.

Both are those of redheart_core.inspection.baselines, the linear one for all fields at once.
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
from redheart_core.exact.interval import Interval
from redheart_core.groups.figures import figure
from redheart_core.inspection.baselines import (
    FIT_RECORDS,
    best_ridge,
    constant_baseline,
    into_range,
    mean_embedding,
    predict,
)
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
    """Evaluate both baselines on validation; thresholds are chosen there too.

    Labels of 0 and 1 and values that do not vary on validation have no figure.

    Args:
        store: The data.
        fields: With their numbers (N, P, L), NaN where missing, votes as shares.
    """
    train, validation = store.sample("train", FIT_RECORDS), store.rows("validation")
    parts = {field.name: [numbers[rows.numpy(), 0] for rows in (train, validation)] for field, numbers in fields}
    reasons = {field.name: _obstacle(field, *parts[field.name]) for field, _ in fields}
    if not store.has_texts:
        return dict.fromkeys(parts, FieldBaselines((), "none: the linear baseline reads texts, and there are none"))
    able = [field for field, _ in fields if not reasons[field.name]]
    found = {name: FieldBaselines((), f"none: {reason}") for name, reason in reasons.items() if reason}
    if not able:
        return found
    y, y_validation = (np.concatenate([parts[field.name][part] for field in able], axis=1) for part in (0, 1))
    x, x_validation = (mean_embedding(store, rows) for rows in (train, validation))
    linear = predict(best_ridge(x, y, x_validation, y_validation), x_validation)
    widths = [parts[field.name][0].shape[1] for field in able]
    for field, columns in zip(able, np.split(linear, np.cumsum(widths)[:-1], axis=1), strict=True):
        constant = constant_baseline(store, field, len(validation)).reshape(len(validation), -1)
        found[field.name] = _evaluate(store, field, (constant, into_range(field, columns).reshape(len(validation), -1)))
    return found


def _obstacle(field: Field, train: Numbers, validation: Numbers) -> str:
    """Why a field has no baselines; empty if it has."""
    if field.axes:
        return "the numbers lie along axes"
    names = field.labels or (field.name,)
    missing = []
    for split, numbers in (("train", train), ("validation", validation)):
        absent = [name for name, column in zip(names, numbers.T, strict=True) if np.isnan(column).all()]
        missing += [f"{', '.join(absent)} in {split}"] if absent else []
    if missing:
        return f"no number for {' and '.join(missing)}"
    return "" if _defined(field, validation) else "constant on validation"


def _defined(field: Field, validation: Numbers) -> list[int]:
    """The labels that have figures."""
    if field.simplex or field.counts:
        return list(range(validation.shape[1]))
    return np.flatnonzero(np.nanmax(validation, 0) > np.nanmin(validation, 0)).tolist()


def _evaluate(store: Store, field: Field, predictions: tuple[Tensor, Tensor]) -> FieldBaselines:
    """Figures of the constant and the linear prediction, (N, L) each on validation."""
    rows = store.rows("validation")
    target = store.target(field.name)[rows].reshape(len(rows), -1)
    there = torch.nan_to_num(target).sum(-1) > 0 if field.counts else (~target.isnan()).any(-1)
    names, columns = field.labels or (field.name,), _defined(field, target.double().numpy())
    target, constant, linear = (tensor[there][:, columns] for tensor in (target, *predictions))
    labels = [names[place] for place in columns]
    left_out = [name for name in names if name not in labels]
    notes = [f"without {', '.join(left_out)}, constant on validation"] if left_out else []
    figures = []
    for metric in answer_metrics(field):
        found = [_figure(metric, prediction, target, labels) for prediction in (constant, linear)]
        figures.append(BaselineFigure(metric.name, metric.direction, *(one.value for one in found)))
        notes += list(dict.fromkeys(f"{metric.name}: {one.reason}" for one in found if one.value is None))
    return FieldBaselines(tuple(figures), "; ".join(notes))


def _figure(metric: Metric, prediction: Tensor, target: Tensor, labels: Sequence[str]) -> Interval:
    limits = best_thresholds(prediction, target, labels).values if metric.thresholded else ()
    return figure("baselines", metric, prediction, target, limits)
