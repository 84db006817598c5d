"""What the weights of the mean are computed from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core import BuildContext, DataError, Field
from redheart_core.contract.fitting import FitData
from redheart_core.nn.answers import as_shares, size_of
from redheart_core.nn.fusing import gathered_fields
from redheart_mean_fusion.model import MeanFusion, WeightedMean

LEAST_VARIANCE = 1e-12
"""Added to every error variance, so that a member without error has finite weight."""


def build(context: BuildContext) -> MeanFusion:
    """A mean for each field that some node answers."""
    return MeanFusion(gathered_fields(context))


@torch.no_grad()
def fit(module: nn.Module, data: FitData) -> None:
    """Weigh every member of a field by its errors on the validation records, from which it has not learnt."""
    assert isinstance(module, MeanFusion)
    for one in module.gathered:
        mean = module.means[one.field.name]
        assert isinstance(mean, WeightedMean)
        target = as_shares(one.field, data.validation.field(one.field.name).double()).reshape(-1, size_of(one.field))
        found = inverse_variance(one.field, one.stacked(data.validation.output).double(), target)
        mean.weight.copy_(found.view_as(mean.weight))


def inverse_variance(field: Field, members: Tensor, target: Tensor) -> Tensor:
    """Weights that sum to 1 over the members, inverse to the mean squared error of each on each label.

    For members whose errors are independent and without bias it is the mean of the least variance.

    Args:
        field: Names the labels.
        members: (M, N, L).
        target: (N, L), NaN where missing.

    Returns:
        (M, L).

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
