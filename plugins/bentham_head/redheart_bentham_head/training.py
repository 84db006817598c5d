"""What the Bentham head learns: the circumstances that have labels."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_bentham_head.model import BenthamHead
from redheart_bentham_head.settings import BenthamHeadSettings
from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.losses import imbalance, squared_error
from redheart_core.metrics import value_metrics


def build(context: BuildContext) -> BenthamHead:
    """The module at the settings' widths, for the data set's circumstances."""
    settings: BenthamHeadSettings = context.settings
    return BenthamHead(
        context.input_width("backbone.bentham"),
        settings.width,
        settings.experts,
        settings.recurrent_layers,
        len(context.labels("bentham")),
        settings.dropout,
    )


def objective(settings: BenthamHeadSettings) -> Objective:
    """Squared error on the labelled circumstances, equal load of the experts."""

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(
        losses=(LossTerm("bentham", "bentham", "values", squared_error),),
        metrics=value_metrics("bentham", "bentham"),
        penalty=penalty,
    )
