"""How a forecast is evaluated: a field of values along an axis of steps ahead, in its own units."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import LossTerm, Metric, Objective
from redheart_core.nn.answers import scale_of
from redheart_core.nn.losses import squared_error_in
from redheart_core.nn.metrics import mean_absolute_error, root_mean_squared_error


def forecast_objective(field: Field) -> Objective:
    """Squared errors in standard deviations of the training part, and the metrics of forecast_metrics."""
    loss = LossTerm(field.name, field.name, "values", squared_error_in(scale_of(field)))
    return Objective((loss,), forecast_metrics(field))


def forecast_metrics(field: Field) -> tuple[Metric, ...]:
    """MAE and RMSE in units of the field, and MASE where the field states the steps of its training part."""
    name = field.name
    scaled = (Metric("mase", name, name, scaled_error(field.step), "min"),) if field.step else ()
    return (
        Metric("mean_absolute_error", name, name, mean_absolute_error, "min"),
        *scaled,
        Metric("root_mean_squared_error", name, name, root_mean_squared_error, "min"),
    )


def scaled_error(steps: Sequence[float]) -> Callable[[Tensor, Tensor, Tensor], float]:
    """MASE (Hyndman and Koehler 2006): |p - y| in units of the mean absolute error of the last value one step ahead
    over the training part, the mean over all present numbers; 1 is as good as that.

    The scale of a label is that over all series together, so that a series of large numbers weighs more.

    Args:
        steps: Of each label, above 0.
    """

    def metric(prediction: Tensor, target: Tensor, present: Tensor) -> float:
        units = torch.tensor(steps, dtype=torch.float64)
        return mean_absolute_error(prediction.double() / units, target.double() / units, present)

    return metric
