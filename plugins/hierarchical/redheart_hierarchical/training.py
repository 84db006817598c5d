"""What the hierarchical integration learns: the affect of the self after the event."""

from __future__ import annotations

from redheart_core import CATALOGUE, BuildContext, LossTerm, Objective, PluginError
from redheart_core.nn.losses import squared_error
from redheart_core.nn.metrics import value_metrics
from redheart_hierarchical.model import Hierarchical
from redheart_hierarchical.settings import HierarchicalSettings

FIELDS = ("self_before", "others_before", "self_after")


def build(context: BuildContext) -> Hierarchical:
    """The module at the settings' widths.

    Raises:
        PluginError: A field has other labels than the views share.
    """
    settings: HierarchicalSettings = context.settings
    for name in FIELDS:
        expected, found = CATALOGUE[name].labels, context.labels(name)
        if found != expected:
            raise PluginError(
                f"it blends affects by name: it expects '{name}' to have {', '.join(expected)}, "
                f"in this order; the data set's has {', '.join(found) or 'none'}: take the field of redheart's "
                "catalogue, or leave it out with --disable"
            )
    return Hierarchical(
        context.input_width("embedding"),
        len(context.labels("self_after")),
        settings.width,
        settings.dropout,
    )


def grown(_: HierarchicalSettings, larger: HierarchicalSettings) -> HierarchicalSettings:
    """Any larger width."""
    return larger


def objective(_: BuildContext) -> Objective:
    """Squared error in the affect space."""
    return Objective(
        losses=(LossTerm("self_after", "self_after", "values", squared_error),),
        metrics=value_metrics("self_after", "self_after"),
    )
