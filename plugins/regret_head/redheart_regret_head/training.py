"""What the regret head learns: the score, its quantiles, and each ensemble member by itself."""

from __future__ import annotations

import attrs

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.nn.losses import each_member, huber, pinball
from redheart_core.nn.metrics import value_metrics
from redheart_regret_head.model import RegretHead
from redheart_regret_head.settings import RegretHeadSettings

QUANTILES = (0.1, 0.5, 0.9)
"""Optimistic, realistic and pessimistic view: little, middling and much regret."""


def build(context: BuildContext) -> RegretHead:
    """The module at the settings' widths."""
    settings: RegretHeadSettings = context.settings
    return RegretHead(
        width_in=context.input_width("backbone.regret"),
        width_embedding=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        recurrent_layers=settings.recurrent_layers,
        members=settings.members,
        dropout=settings.dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: RegretHeadSettings, larger: RegretHeadSettings) -> RegretHeadSettings:
    """As many members and recurrent layers as before."""
    return attrs.evolve(larger, members=smaller.members, recurrent_layers=smaller.recurrent_layers)


def objective(context: BuildContext) -> Objective:
    """Huber loss on the score and on every member, pinball loss on the views."""
    settings: RegretHeadSettings = context.settings
    loss = huber(settings.huber_beta)
    return Objective(
        losses=(
            LossTerm("regret", "regret", "values", loss),
            LossTerm("views", "regret", "values", pinball(QUANTILES), shape=(len(QUANTILES),)),
            LossTerm("members", "regret", "values", each_member(loss), shape=(settings.members,)),
        ),
        metrics=value_metrics("regret", "regret"),
    )
