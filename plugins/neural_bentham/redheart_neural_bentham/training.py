"""What neural bentham learns, straight from the embedding."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.losses import imbalance, squared_error
from redheart_core.metrics import value_metrics
from redheart_neural_bentham.model import NeuralBentham
from redheart_neural_bentham.settings import NeuralBenthamSettings


def build(context: BuildContext) -> NeuralBentham:
    """The module at the settings' widths, for the data set's labels."""
    settings: NeuralBenthamSettings = context.settings
    return NeuralBentham(
        context.input_width("embedding"),
        settings.width,
        settings.heads,
        settings.recurrent_layers,
        settings.experts,
        len(context.labels("bentham")),
        settings.dropout,
    )


def objective(settings: NeuralBenthamSettings) -> Objective:
    """Squared error on the labelled circumstances, equal load of the experts."""

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(
        losses=(LossTerm("bentham", "bentham", "values", squared_error),),
        metrics=value_metrics("bentham", "bentham"),
        penalty=penalty,
    )
