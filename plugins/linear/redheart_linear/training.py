"""What the linear maps are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from torch import nn

from redheart_core import BuildContext, Field, Objective
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.contract.tensors import has_any
from redheart_core.nn.answers import answer_objective, size_of, text_answers
from redheart_linear import logistic, ridge, transfer
from redheart_linear.model import Linear
from redheart_linear.settings import LinearSettings


def build(context: BuildContext) -> Linear:
    """A map for each field that the data set has."""
    fields, settings = [context.fields[name] for name in learnt(context)], context.settings
    assert isinstance(settings, LinearSettings)
    return Linear(context.input_width("terms"), fields, settings.transfer)


def objective(context: BuildContext) -> Objective:
    """How the answers are evaluated; the fit has the same losses, and penalties on the weights."""
    return answer_objective(context, learnt(context))


def learnt(context: BuildContext) -> list[str]:
    """The fields that are there."""
    return list(text_answers(context.fields))


def fit(module: nn.Module, data: FitData) -> None:
    """Fit each field by itself to the training records; the validation records choose the penalty alone.

    Raises:
        DataError: Values are to read other answers, and every record that has them has those labels too.
    """
    assert isinstance(module, Linear)
    with threadpool_limits(1), torch.no_grad():  # sums split over another number of threads round differently
        for field in module.sources:
            module.map(field).set(_logistic(field, data))
        for field in module.values:
            train, validation = (_values(field, part) for part in (data.train, data.validation))
            if field.name in module.transfers:
                used = transfer.foreign(module, field, data.train)
                found = transfer.choose(module, field, used, train, validation)
                module.transfer(field).weight.copy_(torch.from_numpy(found.transferred))
                module.map(field).set(found.coefficients)
            else:
                module.map(field).set(ridge.choose(train, validation, (field.low, field.high)).coefficients)


def _values(field: Field, part: FitPart) -> ridge.Records:
    """The records of a part that have the field."""
    target = part.field(field.name).double()
    rows = has_any(target).numpy()
    return ridge.Records(_terms(part, rows), target.numpy()[rows].reshape(-1, size_of(field)))


def _terms(part: FitPart, rows: NDArray[np.bool_]) -> Any:
    """The terms of some records of a part, sparse float64; no copy of all of them where all are wanted."""
    terms = part.terms()
    return (terms if rows.all() else terms[rows]).astype(np.float64)


def _logistic(field: Field, data: FitData) -> NDArray[np.float64]:
    train, validation = (_records(field, part) for part in (data.train, data.validation))
    return logistic.choose(train, validation).coefficients


def _records(field: Field, part: FitPart) -> logistic.Records:
    """The records of a part that have the field; counts become shares."""
    target = part.field(field.name).double()
    present, numbers = ~target.isnan(), target.nan_to_num()
    rows = numbers.sum(-1) > 0 if field.counts else present.any(-1)
    present, numbers = present[rows], numbers[rows]
    if field.counts:
        numbers = numbers / numbers.sum(-1, keepdim=True)
    return logistic.Records(_terms(part, rows.numpy()), numbers.numpy(), present.numpy(), shared=not field.binary)
