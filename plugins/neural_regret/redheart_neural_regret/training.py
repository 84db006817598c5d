"""What neural regret learns: the score, the tree's answer, and each ensemble member by itself."""

from __future__ import annotations

import attrs

from redheart_core import BuildContext, LossTerm, Metric, Objective
from redheart_core.nn.losses import each_member, huber, squared_error
from redheart_core.nn.metrics import explained_variance, value_metrics
from redheart_neural_regret.model import NeuralRegret
from redheart_neural_regret.settings import NeuralRegretSettings

EXTRA = ("act_regret", "regret_course")
"""Fields that are learnt where the data set has them, under their own names."""


def build(context: BuildContext) -> NeuralRegret:
    """The module at the settings' widths, for the data set's labels."""
    settings: NeuralRegretSettings = context.settings
    sizes = {name: len(context.labels(name)) for name in EXTRA if name in context.wanted}
    return NeuralRegret(
        width_in=context.input_width("embedding"),
        width=settings.width,
        recurrent_layers=settings.recurrent_layers,
        tree_depth=settings.tree_depth,
        members=settings.members,
        acts=sizes.get("act_regret", 0),
        course=sizes.get("regret_course", 0),
        history=context.input_width("history") if "history" in context.inputs else 0,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: NeuralRegretSettings, larger: NeuralRegretSettings) -> NeuralRegretSettings:
    """As many members and recurrent layers as before."""
    return attrs.evolve(larger, members=smaller.members, recurrent_layers=smaller.recurrent_layers)


def objective(context: BuildContext) -> Objective:
    """Huber loss on the score, the tree and every member, squared error on acts and course."""
    settings: NeuralRegretSettings = context.settings
    loss = huber(settings.huber_beta)
    extra = [name for name in EXTRA if name in context.wanted]
    return Objective(
        losses=(
            LossTerm("regret", "regret", "values", loss),
            LossTerm("tree", "regret", "values", loss),
            LossTerm("members", "regret", "values", each_member(loss), shape=(settings.members,)),
            *(LossTerm(name, name, "values", squared_error, settings.extra_weight) for name in extra),
        ),
        metrics=(
            *value_metrics("regret", "regret"),
            *(Metric(f"{name}_explained_variance", name, name, explained_variance, "max") for name in extra),
        ),
    )
