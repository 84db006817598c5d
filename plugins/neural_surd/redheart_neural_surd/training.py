"""What neural surd learns: the choice factors that have labels."""

from __future__ import annotations

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.losses import squared_error
from redheart_core.metrics import value_metrics
from redheart_neural_surd.model import NeuralSurd
from redheart_neural_surd.settings import NeuralSurdSettings


def build(context: BuildContext) -> NeuralSurd:
    """The module at the settings' widths, for the data set's factors."""
    settings: NeuralSurdSettings = context.settings
    return NeuralSurd(
        context.input_width("embedding"),
        settings.width,
        settings.readings,
        len(context.labels("choice_factors")),
        settings.dropout,
    )


def objective(settings: NeuralSurdSettings) -> Objective:
    """Squared error on the labelled factors."""
    return Objective(
        losses=(LossTerm("choice_factors", "choice_factors", "values", squared_error),),
        metrics=value_metrics("choice_factors", "choice_factors"),
    )
