"""What surd head learns: the choice factors that have labels."""

from __future__ import annotations

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.losses import squared_error
from redheart_core.metrics import value_metrics
from redheart_surd_head.model import SurdHead
from redheart_surd_head.settings import SurdHeadSettings


def build(context: BuildContext) -> SurdHead:
    """The module at the settings' widths, for the data set's factors."""
    settings: SurdHeadSettings = context.settings
    return SurdHead(
        context.input_width("backbone.surd"),
        settings.width,
        settings.heads,
        settings.residual_layers,
        len(context.labels("choice_factors")),
        settings.dropout,
    )


def objective(settings: SurdHeadSettings) -> Objective:
    """Squared error on the labelled factors."""
    return Objective(
        losses=(LossTerm("choice_factors", "choice_factors", "values", squared_error),),
        metrics=value_metrics("choice_factors", "choice_factors"),
    )
