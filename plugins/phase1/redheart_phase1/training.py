"""What Phase 1 learns: the affect of each other after the event, its own expectation of that, and regret."""

from __future__ import annotations

import attrs

from redheart_core import CATALOGUE, BuildContext, LossTerm, Objective, PluginError
from redheart_core.nn.losses import squared_error
from redheart_core.nn.metrics import value_metrics
from redheart_phase1.model import Phase1
from redheart_phase1.settings import Phase1Settings

FIELDS = ("others_before", "others_traits", "others_after")


def build(context: BuildContext) -> Phase1:
    """The module at the settings' widths.

    Raises:
        PluginError: A field has other labels or persons than the update is about.
    """
    settings: Phase1Settings = context.settings
    for name in FIELDS:
        expected, found = CATALOGUE[name], context.fields[name]
        if (found.axes, found.labels) != (expected.axes, expected.labels):
            raise PluginError(
                f"it needs '{name}' with {expected.axes[0]} persons and the labels "
                f"{', '.join(expected.labels)}, in this order; the data set's is of shape {found.shape} with "
                f"{', '.join(found.labels) or 'none'}: take the field of redheart's catalogue, or leave it out "
                "with --disable"
            )
    return Phase1(
        width_in=context.input_width("embedding"),
        affects=len(context.labels("others_after")),
        traits=len(context.labels("others_traits")),
        width=settings.width,
        dropout=settings.dropout,
    )


def grown(_: Phase1Settings, larger: Phase1Settings) -> Phase1Settings:
    """Any larger width."""
    return larger


def objective(context: BuildContext) -> Objective:
    """Squared error on each other's affect and on regret; the expectation has a loss of its own."""
    return Objective(
        losses=(
            LossTerm("others_after", "others_after", "values", squared_error),
            LossTerm("expectation", "others_after", "values", squared_error, context.settings.expectation_weight),
            LossTerm("regret", "regret", "values", squared_error),
        ),
        metrics=(
            *value_metrics("others_after", "others_after"),
            *(attrs.evolve(metric, name=f"regret_{metric.name}") for metric in value_metrics("regret", "regret")),
        ),
    )
