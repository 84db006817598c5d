"""What a prediction has to beat: the constant mean, and a linear map of the mean embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.data.store import Store

BASELINES = ("constant", "linear")
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Ridge penalties; validation chooses."""


def baseline_predictions(store: Store, field: Field, splits: Sequence[Tensor]) -> dict[str, list[Tensor]]:
    """Each of BASELINES on the rows of some splits, (N, *shape) for each."""
    sizes = [len(rows) for rows in splits]
    linear = linear_baseline(store, field, torch.cat(list(splits)))
    return {
        "constant": [constant_baseline(store, field, size) for size in sizes],
        "linear": list(torch.split(linear, sizes)),
    }


def constant_baseline(store: Store, field: Field, count: int) -> Tensor:
    """The mean of the training records that have the field, for every record: (count, *shape)."""
    mean = _shares(store, field, store.rows("train")).nanmean(0)
    return mean.expand(count, *field.shape).contiguous()


def linear_baseline(store: Store, field: Field, rows: Tensor) -> Tensor:
    """Ridge regression from the mean chunk embedding, fitted on train, penalty chosen on validation.

    Each label is fitted on the records that have it; clipped to the field's range, and
    scaled to sum to one for a distribution.

    Returns:
        (N, *shape) for the given rows.
    """
    train, validation = store.rows("train"), store.rows("validation")
    x, x_validation, x_out = (mean_embedding(store, part) for part in (train, validation, rows))
    y, y_validation = (_columns(store, field, part) for part in (train, validation))
    predictions = np.empty((len(rows), y.shape[1]), dtype=np.float32)
    present = ~np.isnan(y)
    for pattern in np.unique(present, axis=1).T:
        labels = np.flatnonzero((present == pattern[:, None]).all(0))
        models = [Ridge(alpha=penalty).fit(x[pattern], y[pattern][:, labels]) for penalty in PENALTIES]
        errors = [
            np.nanmean(np.abs(_predict(model, x_validation) - y_validation[:, labels]), axis=0) for model in models
        ]
        candidates = np.stack([_predict(model, x_out) for model in models])
        predictions[:, labels] = candidates[np.argmin(errors, axis=0), :, np.arange(len(labels))].T
    prediction = np.clip(predictions, field.low, field.high)
    if field.simplex or field.counts:
        prediction = np.maximum(prediction.reshape(len(rows), *field.shape), 1e-6)
        prediction /= prediction.sum(-1, keepdims=True)
    return torch.from_numpy(prediction.astype(np.float32).reshape(len(rows), *field.shape))


def mean_embedding(store: Store, rows: Tensor, batch_size: int = 256) -> NDArray[np.float32]:
    """(N, D): the mean over the chunks of each record."""
    parts = []
    for part in torch.split(rows, batch_size):
        embedding, mask = store.batch(part)
        parts.append((embedding.sum(1) / mask.sum(1, keepdim=True)).numpy())
    return np.concatenate(parts)


def _shares(store: Store, field: Field, rows: Tensor) -> Tensor:
    """A field, (N, *shape), counts as shares of their sum."""
    target = store.target(field.name)[rows]
    return target / target.sum(-1, keepdim=True) if field.counts else target


def _columns(store: Store, field: Field, rows: Tensor) -> NDArray[np.float32]:
    target = _shares(store, field, rows).numpy()
    columns: NDArray[np.float32] = target.reshape(len(rows), -1)
    return columns


def _predict(model: Ridge, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) to (N, L)."""
    prediction: NDArray[np.float32] = model.predict(x).reshape(len(x), -1)
    return prediction
