"""What the weights of the mean are computed from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core import BuildContext, DataError, Field, Objective
from redheart_core.contract.fitting import FitData, FitPart
from redheart_core.nn.answers import answer_objective, text_answers
from redheart_mean_fusion.model import MeanFusion, WeightedMean

LEAST_VARIANCE = 1e-12
"""Added to every error variance, so that a member without error has finite weight."""


def build(context: BuildContext) -> MeanFusion:
    """A mean for each field that some node answers."""
    names = learnt(context)
    return MeanFusion([context.fields[name] for name in names], {name: context.gathered(name) for name in names})


def objective(context: BuildContext) -> Objective:
    """How the means are evaluated: like every other answer."""
    return answer_objective(context, learnt(context))


def learnt(context: BuildContext) -> list[str]:
    """The fields that are there and that some node answers."""
    return list(text_answers(context.fields))


@torch.no_grad()
def fit(module: nn.Module, data: FitData) -> None:
    """Weigh every member of a field by its errors on the validation records, from which it has not learnt."""
    assert isinstance(module, MeanFusion)
    for field in module.fields:
        mean = module.means[field.name]
        assert isinstance(mean, WeightedMean)
        members = torch.stack([data.validation.output(name).double() for name in module.members[field.name]])
        mean.weight.copy_(inverse_variance(field, members, target_of(field, data.validation)))


def target_of(field: Field, part: FitPart) -> Tensor:
    """(N, *shape) float64, NaN where missing; counts as shares."""
    target = part.field(field.name).double()
    if not field.counts:
        return target
    total = target.nansum(-1, keepdim=True)
    return target / total.masked_fill(total == 0, float("nan"))


def inverse_variance(field: Field, members: Tensor, target: Tensor) -> Tensor:
    """Weights that sum to 1 over the members, inverse to the mean squared error of each on each label.

    For members whose errors are independent and without bias it is the mean of the least variance.

    Args:
        field: Names the labels.
        members: (M, N, *shape).
        target: (N, *shape), NaN where missing.

    Returns:
        (M, *shape).

    Raises:
        DataError: No record has a label.
    """
    variance = (members - target).square().nanmean(1)
    if bool(variance.isnan().any()):
        absent = variance.isnan().any(0).reshape(-1).tolist()
        names = ", ".join(name for name, missing in zip(field.elements, absent, strict=True) if missing)
        raise DataError(f"no validation record has '{names}' of '{field.name}', so its answers cannot be weighed")
    weights = 1 / (variance + LEAST_VARIANCE)
    return weights / weights.sum(0)
