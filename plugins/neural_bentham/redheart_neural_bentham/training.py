"""What neural bentham learns, straight from the embedding."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from torch import Tensor

from redheart_core import BuildContext, LossTerm, Metric, Objective
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import imbalance, squared_error
from redheart_core.nn.metrics import explained_variance, value_metrics
from redheart_neural_bentham.model import NeuralBentham
from redheart_neural_bentham.settings import NeuralBenthamSettings

EXTRA = ("burdens", "context_layers", "utility_horizons")
"""Fields that are learnt where the data set has them, under their own names."""


def build(context: BuildContext) -> NeuralBentham:
    """The module at the settings' widths, for the data set's labels."""
    settings: NeuralBenthamSettings = context.settings
    return NeuralBentham(
        width_in=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        recurrent_layers=settings.recurrent_layers,
        experts=settings.experts,
        sizes={name: len(context.labels(name)) for name in ("bentham", *EXTRA) if name in context.wanted},
        position_width=settings.position_width,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: NeuralBenthamSettings, larger: NeuralBenthamSettings) -> NeuralBenthamSettings:
    """A width that repeats that of the smaller one; experts, recurrent layers and positions as before."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(
        larger,
        width=width,
        heads=heads,
        experts=smaller.experts,
        recurrent_layers=smaller.recurrent_layers,
        position_width=smaller.position_width or smaller.width,
    )


def objective(context: BuildContext) -> Objective:
    """Squared error on all that is labelled, equal load of the experts."""
    settings: NeuralBenthamSettings = context.settings
    extra = [name for name in EXTRA if name in context.wanted]

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(
        losses=(
            LossTerm("bentham", "bentham", "values", squared_error),
            *(LossTerm(name, name, "values", squared_error, settings.extra_weight) for name in extra),
        ),
        metrics=(
            *value_metrics("bentham", "bentham"),
            *(Metric(f"{name}_explained_variance", name, name, explained_variance, "max") for name in extra),
        ),
        penalty=penalty,
    )
