"""What Phase 2 learns: the affect of the community after the event."""

from __future__ import annotations

import attrs

from redheart_core import CATALOGUE, BuildContext, LossTerm, Objective, PluginError
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import squared_error
from redheart_core.nn.metrics import value_metrics
from redheart_phase2.model import Phase2
from redheart_phase2.settings import Phase2Settings

FIELDS = ("others_before", "others_traits", "others_culture", "self_before", "community")


def build(context: BuildContext) -> Phase2:
    """The module at the settings' widths.

    Raises:
        PluginError: A field has other labels than the rules of expression are about.
    """
    settings: Phase2Settings = context.settings
    for name in FIELDS:
        expected, found = CATALOGUE[name].labels, context.labels(name)
        if found != expected:
            raise PluginError(
                f"it treats affects and cultures by name: it expects '{name}' to have "
                f"{', '.join(expected)}, in this order; the data set's has {', '.join(found) or 'none'}: take the "
                "field of redheart's catalogue, or leave it out with --disable"
            )
    traits = context.labels("others_traits")
    return Phase2(
        width_in=context.input_width("embedding"),
        traits=len(traits),
        places=(traits.index("status"), traits.index("influence"), traits.index("expressiveness")),
        width=settings.width,
        heads=settings.heads,
        layers=settings.layers,
        dropout=settings.dropout,
    )


def grown(smaller: Phase2Settings, larger: Phase2Settings) -> Phase2Settings:
    """A width that repeats that of the smaller one."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(larger, width=width, heads=heads)


def objective(_: BuildContext) -> Objective:
    """Squared error in the affect space, against the community's own state."""
    return Objective(
        losses=(LossTerm("community", "community", "values", squared_error),),
        metrics=value_metrics("community", "community"),
    )
