"""What the Bentham head learns: the circumstances, layers and legal risks that have labels."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from torch import Tensor

from redheart_bentham_head.model import BenthamHead
from redheart_bentham_head.settings import BenthamHeadSettings
from redheart_core import CATALOGUE, BuildContext, LossTerm, Metric, Objective
from redheart_core.nn.losses import imbalance, squared_error
from redheart_core.nn.metrics import explained_variance, value_metrics

WEIGHT_LAYERS = len(CATALOGUE["context_layers"].labels)
"""Layers that weigh the experts where no field names them."""


def build(context: BuildContext) -> BenthamHead:
    """The module at the settings' widths, for the data set's circumstances."""
    settings: BenthamHeadSettings = context.settings
    named = "context_layers" in context.wanted
    return BenthamHead(
        width_in=context.input_width("backbone.bentham"),
        width_embedding=context.input_width("embedding"),
        width=settings.width,
        experts=settings.experts,
        recurrent_layers=settings.recurrent_layers,
        labels=len(context.labels("bentham")),
        weight_layers=len(context.labels("context_layers")) if named else WEIGHT_LAYERS,
        gives_layers=named,
        legal_domains=len(context.labels("legal_risk")) if "legal_risk" in context.wanted else 0,
        dropout=settings.dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: BenthamHeadSettings, larger: BenthamHeadSettings) -> BenthamHeadSettings:
    """As many experts and recurrent layers as before."""
    return attrs.evolve(larger, experts=smaller.experts, recurrent_layers=smaller.recurrent_layers)


def objective(context: BuildContext) -> Objective:
    """Squared error on what is labelled, equal load of the experts."""
    settings: BenthamHeadSettings = context.settings
    weights = {"context_layers": settings.context_weight, "legal_risk": settings.legal_weight}
    extra = [name for name in weights if name in context.wanted]

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(
        losses=(
            LossTerm("bentham", "bentham", "values", squared_error),
            *(LossTerm(name, name, "values", squared_error, weights[name]) for name in extra),
        ),
        metrics=(
            *value_metrics("bentham", "bentham"),
            *(Metric(f"{name}_explained_variance", name, name, explained_variance, "max") for name in extra),
        ),
        penalty=penalty,
    )
