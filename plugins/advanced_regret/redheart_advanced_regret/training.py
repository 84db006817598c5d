"""What advanced regret learns: regret with its likelihood, and the fields on the choice that the data set has."""

from __future__ import annotations

import attrs

from redheart_advanced_regret.model import ESTIMATES, AdvancedRegret
from redheart_advanced_regret.posterior import gaussian_surprise, smallest_deviation
from redheart_advanced_regret.scoring import least_regret_agreement, possibility
from redheart_advanced_regret.settings import AdvancedRegretSettings
from redheart_core import BuildContext, LossTerm, Metric, Objective, PluginError, SettingsError
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import divergence, each_member, huber, squared_error
from redheart_core.nn.metrics import explained_variance, jensen_shannon, top_label_accuracy, value_metrics


def build(context: BuildContext) -> AdvancedRegret:
    """The module at the settings' widths, for the acts, states and horizons of the data set.

    Raises:
        SettingsError, PluginError: The data set's fields do not agree on acts or states.
    """
    settings: AdvancedRegretSettings = context.settings
    _check_acts(context)
    return AdvancedRegret(
        width_in=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        layers=settings.layers,
        recurrent_layers=settings.recurrent_layers,
        acts=settings.acts,
        states=_states(context),
        horizons=len(context.labels("regret_course")) if "regret_course" in context.fields else 0,
        history=context.input_width("history") if "history" in context.inputs else 0,
        wanted=context.wanted,
        half_regret=settings.half_regret,
        dropout=settings.dropout,
    )


def grown(smaller: AdvancedRegretSettings, larger: AdvancedRegretSettings) -> AdvancedRegretSettings:
    """A width that repeats that of the smaller one; recurrent layers as before."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(larger, width=width, heads=heads, recurrent_layers=smaller.recurrent_layers)


def objective(context: BuildContext) -> Objective:
    """Huber losses and a likelihood on the regret; on the choice what the data set has."""
    settings: AdvancedRegretSettings = context.settings
    loss = huber(settings.huber_beta)
    surprise = gaussian_surprise(smallest_deviation(ESTIMATES))
    losses = [
        LossTerm("regret", "regret", "values", loss),
        LossTerm("posterior", "regret", "values", surprise, settings.likelihood_weight, shape=(2,)),
        LossTerm("estimates", "regret", "values", each_member(loss), shape=(ESTIMATES,)),
    ]
    metrics = [*value_metrics("regret", "regret")]
    for field, (terms, figures) in _choice(settings).items():
        if field in context.fields:
            losses += terms
            metrics += figures
    return Objective(tuple(losses), tuple(metrics))


def _choice(settings: AdvancedRegretSettings) -> dict[str, tuple[list[LossTerm], list[Metric]]]:
    """Losses and figures for each field of the choice."""
    return {
        "payoffs": (
            [
                LossTerm("payoffs", "payoffs", "values", squared_error),
                LossTerm("possible_logits", "payoffs", "logits", possibility, shape=(settings.acts,)),
            ],
            [Metric("payoffs_explained", "payoffs", "payoffs", explained_variance, "max")],
        ),
        "state_probability": (
            [LossTerm("state_logits", "state_probability", "logits", divergence)],
            [Metric("states_jensen_shannon", "state_probability", "state_probability", jensen_shannon, "min")],
        ),
        "chosen_act": (
            [LossTerm("choice_logits", "chosen_act", "logits", divergence)],
            [Metric("chosen_accuracy", "chosen_act", "chosen_act", top_label_accuracy, "max")],
        ),
        "act_regret": (
            [
                LossTerm("act_regret", "act_regret", "values", squared_error),
                LossTerm("tree_regret", "act_regret", "values", squared_error),
            ],
            [
                Metric("world_explained", "act_regret", "act_regret", explained_variance, "max"),
                Metric("tree_explained", "tree_regret", "act_regret", explained_variance, "max"),
                Metric("world_best_act", "act_regret", "act_regret", least_regret_agreement, "max"),
                Metric("tree_best_act", "tree_regret", "act_regret", least_regret_agreement, "max"),
            ],
        ),
        "act_max_regret": (
            [
                LossTerm("act_max_regret", "act_max_regret", "values", squared_error),
                LossTerm("tree_max_regret", "act_max_regret", "values", squared_error),
            ],
            [
                Metric("world_minimax_act", "act_max_regret", "act_max_regret", least_regret_agreement, "max"),
                Metric("tree_minimax_act", "tree_max_regret", "act_max_regret", least_regret_agreement, "max"),
            ],
        ),
        "regret_course": (
            [LossTerm("regret_course", "regret_course", "values", squared_error)],
            [Metric("course_explained", "regret_course", "regret_course", explained_variance, "max")],
        ),
    }


def _check_acts(context: BuildContext) -> None:
    """The fields on acts have to mean the same acts in the same order."""
    held = {name: context.labels(name) for name in _ON_ACTS if name in context.fields}
    counts = {name: len(labels) for name, labels in held.items()}
    if "payoffs" in context.fields:
        counts["payoffs"] = context.fields["payoffs"].axes[0]
    if len(set(held.values())) > 1 or any(count != context.settings.acts for count in counts.values()):
        found = "; ".join(
            f"'{name}' has {count}{f' ({names})' if (names := ', '.join(held.get(name, ()))) else ''}"
            for name, count in counts.items()
        )
        raise SettingsError(
            f"it imagines {context.settings.acts} acts, which all fields on acts have to name in "
            f"one order; {found}: set acts, or leave it out with --disable"
        )


def _states(context: BuildContext) -> int:
    """How many states there are."""
    held = {name: context.labels(name) for name in ("payoffs", "state_probability") if name in context.fields}
    if len(set(held.values())) > 1:
        found = "; ".join(f"'{name}' has {', '.join(labels)}" for name, labels in held.items())
        raise PluginError(
            f"it needs the same states in the same order; {found}: "
            "take the fields of redheart's catalogue, or leave it out with --disable"
        )
    settings: AdvancedRegretSettings = context.settings
    return len(next(iter(held.values()))) if held else settings.states


_ON_ACTS = ("act_regret", "act_max_regret", "chosen_act")
