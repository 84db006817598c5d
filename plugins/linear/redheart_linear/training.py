"""What the linear maps are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from torch import Tensor, nn

from redheart_core import BuildContext, Field, Objective
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.contract.tensors import has_any
from redheart_core.exact.ridge import ridge_path
from redheart_core.nn.answers import answer_objective, finish, from_values, size_of, text_answers
from redheart_linear import logistic, ridge, transfer
from redheart_linear.model import Linear
from redheart_linear.out_of_fold import FOLDS, out_of_fold
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


def fit(module: nn.Module, data: FitData) -> dict[str, Tensor]:
    """Fit each field by itself to the training records; the validation records choose the penalty alone.

    Returns:
        Honest answers: out-of-fold, at the penalty that was chosen; NaN for records without the field.

    Raises:
        DataError: Values are to read other answers, and every record that has them has those labels too.
    """
    assert isinstance(module, Linear)
    folds, honest = data.train.folds(FOLDS).numpy(), dict[str, Tensor]()
    with threadpool_limits(1), torch.no_grad():  # sums split over another number of threads round differently
        for field in module.sources:
            honest |= _spread(finish(field, _fit_labels(module, field, data, folds)), _known(field, data.train))
        for field in module.values:
            honest |= _spread(from_values(field, _fit_values(module, field, data, folds)), _known(field, data.train))
    return honest


def _spread(answers: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """Answers for some rows of a part, NaN in the others."""
    full = {name: torch.full((len(rows), *tensor.shape[1:]), torch.nan) for name, tensor in answers.items()}
    for name, tensor in answers.items():
        full[name][rows] = tensor.float()
    return full


def _known(field: Field, part: FitPart) -> Tensor:
    """Which records have the field, (N,) bool; counts with at least one."""
    target = part.field(field.name)
    return target.nan_to_num().sum(-1) > 0 if field.counts else has_any(target)


def _fit_values(module: Linear, field: Field, data: FitData, folds: NDArray[np.int64]) -> Tensor:
    """Set the maps of a field of values; its out-of-fold answers, before they are cut off."""
    train, validation = (_values(field, part) for part in (data.train, data.validation))
    limits = field.low, field.high
    if field.name in module.transfers:
        used = transfer.foreign(module, field, data.train)
        found = transfer.choose(module, field, used, train, validation)
        module.transfer(field).weight.copy_(torch.from_numpy(found.transferred))
        module.map(field).set(found.coefficients)
        train, penalty = found.wide, found.penalty
    else:
        choice = ridge.choose(train, validation, limits)
        module.map(field).set(choice.coefficients)
        penalty = choice.penalty

    def fit_on(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray(ridge_path(train.terms[rows], train.targets[rows], (penalty,))[0])

    return torch.from_numpy(out_of_fold(fit_on, train.terms, folds[_known(field, data.train).numpy()]))


def _values(field: Field, part: FitPart) -> ridge.Records:
    """The records of a part that have the field."""
    target = part.field(field.name).double()
    rows = has_any(target).numpy()
    return ridge.Records(_terms(part, rows), target.numpy()[rows].reshape(-1, size_of(field)))


def _terms(part: FitPart, rows: NDArray[np.bool_]) -> Any:
    """The terms of some records of a part, sparse float64; no copy of all of them where all are wanted."""
    terms = part.terms()
    return (terms if rows.all() else terms[rows]).astype(np.float64)


def _fit_labels(module: Linear, field: Field, data: FitData, folds: NDArray[np.int64]) -> Tensor:
    """Set the map of a field that is answered with probabilities; its out-of-fold logits."""
    train, validation = (_records(field, part) for part in (data.train, data.validation))
    choice = logistic.choose(train, validation)
    module.map(field).set(choice.coefficients)

    def fit_on(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        return logistic.solve(train.of(rows), choice.penalty, choice.coefficients)

    return torch.from_numpy(out_of_fold(fit_on, train.terms, folds[_known(field, data.train).numpy()]))


def _records(field: Field, part: FitPart) -> logistic.Records:
    """The records of a part that have the field; counts become shares."""
    target = part.field(field.name).double()
    present, numbers = ~target.isnan(), target.nan_to_num()
    rows = _known(field, part)
    present, numbers = present[rows], numbers[rows]
    if field.counts:
        numbers = numbers / numbers.sum(-1, keepdim=True)
    return logistic.Records(_terms(part, rows.numpy()), numbers.numpy(), present.numpy(), shared=not field.binary)
