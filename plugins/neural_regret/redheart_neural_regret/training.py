"""What neural regret learns: the score, the tree's answer, and each ensemble member by itself."""

from __future__ import annotations

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.losses import each_member, huber
from redheart_core.metrics import value_metrics
from redheart_neural_regret.model import NeuralRegret
from redheart_neural_regret.settings import NeuralRegretSettings


def build(context: BuildContext) -> NeuralRegret:
    """The module at the settings' widths."""
    settings: NeuralRegretSettings = context.settings
    return NeuralRegret(
        context.input_width("embedding"),
        settings.width,
        settings.recurrent_layers,
        settings.tree_depth,
        settings.members,
        settings.dropout,
    )


def objective(settings: NeuralRegretSettings) -> Objective:
    """Huber loss on the score, the tree and every member."""
    loss = huber(settings.huber_beta)
    return Objective(
        losses=(
            LossTerm("regret", "regret", "values", loss),
            LossTerm("tree", "regret", "values", loss),
            LossTerm("members", "regret", "values", each_member(loss), shape=(settings.members,)),
        ),
        metrics=value_metrics("regret", "regret"),
    )
