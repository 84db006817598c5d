"""What the linear maps are fitted to."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from torch import Tensor, nn

from redheart_core import DataError, Field
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.contract.tensors import has_any
from redheart_core.exact.leaving_out import balanced_folds
from redheart_core.nn.answers import as_shares, finish, from_values, is_values, kind_of, size_of
from redheart_linear import logistic, ridge, transfer
from redheart_linear.drawing import FOLDS, draw
from redheart_linear.features import Features, Matrix
from redheart_linear.model import Linear
from redheart_linear.problems import Kind, Records


def fit(module: nn.Module, data: FitData) -> dict[str, Tensor]:
    """Fit each field by itself to the training records; the validation records are not looked at.

    Returns:
        Honest answers, of fits without the record's cluster or fold at the strength that was chosen; NaN for records
        without the field.
        None of logistic regressions if they are not wanted.

    Raises:
        DataError: A field has too few records, or they are all near-duplicates of each other; or values are to read
            other answers, and every record that has them has those labels too.
    """
    assert isinstance(module, Linear)
    train, honest = data.train, dict[str, Tensor]()
    with threadpool_limits(1), torch.no_grad():  # sums split over another number of threads round differently
        features = Features(train.terms(), train.words(), train.embedding().numpy())
        clusters = train.folds(len(train)).numpy()
        for field in (*module.sources, *module.values):
            rows = known_rows(field, train)
            raw = _fit_field(module, field, data, features, rows, clusters[rows])
            if raw is not None:
                answers = (from_values if is_values(field) else finish)(field, torch.from_numpy(raw).float())
                honest |= {name: _spread(tensor, rows) for name, tensor in answers.items()}
    return honest


def known_rows(field: Field, part: FitPart) -> NDArray[np.bool_]:
    """Which records have the field, (N,); counts with at least one.

    Raises:
        DataError: Fewer than two.
    """
    target = part.field(field.name)
    rows = target.nan_to_num().sum(-1) > 0 if field.counts else has_any(target)
    if int(rows.sum()) < 2:
        raise DataError(f"{int(rows.sum())} training records have '{field.name}', and a regression needs two")
    return rows.numpy()


def records_of(field: Field, part: FitPart, features: Features, rows: NDArray[np.bool_]) -> Records:
    """Some records of a part, with a field as the target; counts become shares."""
    target = as_shares(field, part.field(field.name).double()).numpy().reshape(-1, size_of(field))[rows]
    present, numbers = ~np.isnan(target), np.nan_to_num(target)
    kinds: dict[str, Kind] = {"values": "values", "labels": "labels", "distribution": "shares", "votes": "shares"}
    return Records(features.of(rows), numbers, present, kinds[kind_of(field)])


def _fit_field(
    module: Linear,
    field: Field,
    data: FitData,
    features: Features,
    rows: NDArray[np.bool_],
    clusters: NDArray[np.int64],
) -> Matrix | None:
    """Set the maps of a field; its honest raw answers on its records, (n, L), whose clusters are numbered as if by
    chance."""
    records = records_of(field, data.train, features, rows)
    if len(np.unique(clusters)) < 2:
        raise DataError(
            f"all {len(records)} training records that have '{field.name}' are near-duplicates of each other, and how "
            "strong a fit may be is chosen on records unlike those that it learns from; leave the template that the "
            "texts share out of them, or set data.near_duplicates=1.0, so that only equal texts belong together"
        )
    if not is_values(field):
        folds = balanced_folds(clusters, FOLDS)
        drawn = np.sort(draw(clusters, clusters, module.choice_records or len(clusters)))
        strength = logistic.choose(records.of(drawn), folds[drawn]).strength
        module.map(field).set(logistic.fit(records, strength))
        return logistic.out_of_fold(records, folds, strength) if data.honest else None
    wider = transfer.widen(module, field, data.train, records) if field.name in module.transfers else None
    found = ridge.fit(wider.records if wider else records, (field.low, field.high), clusters)
    module.map(field).set(wider.take(module.transfer(field), found.coefficients) if wider else found.coefficients)
    return found.honest


def _spread(answers: Tensor, rows: NDArray[np.bool_]) -> Tensor:
    """Answers for some rows of a part, (N, *shape) float32, NaN in the others."""
    full = torch.full((len(rows), *answers.shape[1:]), torch.nan)
    full[torch.from_numpy(rows)] = answers.float()
    return full
