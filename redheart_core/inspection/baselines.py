"""What a prediction has to beat: the constant mean, and a linear map of the mean embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.data.store import Store
from redheart_core.exact.numbers import FloatArray
from redheart_core.exact.ridge import Numbers, ridge_path
from redheart_core.nn.answers import as_shares

BASELINES = ("constant", "linear")
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Ridge penalties; validation chooses."""

FIT_RECORDS = 100_000
"""Baselines are fitted on at most so many records of a split, drawn by their ids."""


def baseline_predictions(
    store: Store, fields: Sequence[Field], splits: Sequence[Tensor]
) -> dict[str, dict[str, list[Tensor]]]:
    """For each field each of BASELINES, without texts the constant alone, on the rows of some splits, (N, *shape) for
    each."""
    sizes = [len(rows) for rows in splits]
    constant = {field.name: [constant_baseline(store, field, size) for size in sizes] for field in fields}
    if not store.has_texts:
        return {name: {"constant": found} for name, found in constant.items()}
    linear = linear_baselines(store, fields, torch.cat(list(splits)))
    return {
        name: {"constant": found, "linear": list(torch.split(linear[name], sizes))} for name, found in constant.items()
    }


def constant_baseline(store: Store, field: Field, count: int) -> Tensor:
    """The mean of the training records that have the field, for every record: (count, *shape)."""
    # in float64, so that the mean of equal numbers is that number
    mean = _shares(store, field, store.rows("train")).double().nanmean(0).float()
    return mean.expand(count, *field.shape).contiguous()


def linear_baselines(store: Store, fields: Sequence[Field], rows: Tensor) -> dict[str, Tensor]:
    """Ridge regression from the mean chunk embedding, fitted on train, penalty chosen on validation.

    Each label is fitted on the records that have it; those of all fields that the same records have, together.

    Returns:
        Field to (N, *shape) for the given rows, in the field's range.
    """
    if not fields:
        return {}
    train, validation = store.sample("train", FIT_RECORDS), store.sample("validation", FIT_RECORDS)
    x, x_validation, x_out = (mean_embedding(store, part) for part in (train, validation, rows))
    y, y_validation = (
        np.concatenate([_columns(store, field, part) for field in fields], axis=1) for part in (train, validation)
    )
    found = predict(best_ridge(x, y, x_validation, y_validation), x_out)
    ends = np.cumsum([len(field.elements) for field in fields])[:-1]
    parts = np.split(found, ends, axis=1)
    return {field.name: into_range(field, part) for field, part in zip(fields, parts, strict=True)}


def best_ridge(x: Numbers, y: Numbers, x_validation: Numbers, y_validation: Numbers) -> FloatArray:
    """The coefficients of each label with the penalty of the least mean absolute error on validation.

    Args:
        x: (n, D).
        y: (n, L), NaN where missing; no column is all missing.
        x_validation: (m, D).
        y_validation: (m, L), NaN where missing; no column is all missing.

    Returns:
        (D + 1, L), as `redheart_core.exact.ridge.ridge_path` gives them.
    """
    path = ridge_path(x, y, PENALTIES)
    errors = [np.nanmean(np.abs(predict(found, x_validation) - y_validation), axis=0) for found in path]
    best: FloatArray = path[np.argmin(errors, axis=0), :, np.arange(y.shape[1])].T
    return best


def predict(coefficients: FloatArray, x: Numbers) -> FloatArray:
    """(D + 1, L) on (N, D): (N, L)."""
    prediction: FloatArray = x @ coefficients[:-1] + coefficients[-1]
    return prediction


def into_range(field: Field, prediction: FloatArray) -> Tensor:
    """(N, size) to (N, *shape) float32, clipped to the field's range, and scaled to sum to one for distributions and
    votes."""
    clipped = np.clip(prediction, field.low, field.high).reshape(len(prediction), *field.shape)
    if field.simplex or field.counts:
        clipped = np.maximum(clipped, 1e-6)
        clipped /= clipped.sum(-1, keepdims=True)
    return torch.from_numpy(clipped.astype(np.float32))


def mean_embedding(store: Store, rows: Tensor, batch_size: int = 256) -> NDArray[np.float32]:
    """(N, D): the mean over the chunks of each record."""
    parts = []
    for part in torch.split(rows, batch_size):
        embedding, mask = store.batch(part)
        parts.append((embedding.sum(1) / mask.sum(1, keepdim=True)).numpy())
    return np.concatenate(parts)


def _shares(store: Store, field: Field, rows: Tensor) -> Tensor:
    """A field, (N, *shape), counts as shares of their sum."""
    return as_shares(field, store.target(field.name)[rows])


def _columns(store: Store, field: Field, rows: Tensor) -> NDArray[np.float32]:
    target = _shares(store, field, rows).numpy()
    columns: NDArray[np.float32] = target.reshape(len(rows), -1)
    return columns
