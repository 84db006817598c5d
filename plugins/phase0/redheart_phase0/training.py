"""What Phase 0 learns: the affect that the self would have in the place of the first other."""

from __future__ import annotations

from redheart_core import CATALOGUE, BuildContext, LossTerm, Objective, PluginError
from redheart_core.nn.losses import squared_error
from redheart_core.nn.metrics import value_metrics
from redheart_phase0.model import Phase0
from redheart_phase0.settings import Phase0Settings

FIELDS = ("others_before", "others_traits", "others_culture", "self_before", "projection")


def build(context: BuildContext) -> Phase0:
    """The module at the settings' widths.

    Raises:
        PluginError: A field has other labels than the calibration is about.
    """
    settings: Phase0Settings = context.settings
    for name in FIELDS:
        expected, found = CATALOGUE[name].labels, context.labels(name)
        if found != expected:
            raise PluginError(
                f"it calibrates by name: it expects '{name}' to have {', '.join(expected)}, in this "
                f"order; the data set's has {', '.join(found) or 'none'}: take the field of redheart's catalogue, or "
                "leave it out with --disable"
            )
    return Phase0(
        width_in=context.input_width("embedding"),
        affects=len(context.labels("projection")),
        traits=len(context.labels("others_traits")),
        similarity=context.labels("others_traits").index("similarity"),
        cultures=len(context.labels("others_culture")),
        width=settings.width,
        dropout=settings.dropout,
    )


def grown(_: Phase0Settings, larger: Phase0Settings) -> Phase0Settings:
    """Any larger width."""
    return larger


def objective(_: BuildContext) -> Objective:
    """Squared error in the affect space."""
    return Objective(
        losses=(LossTerm("projection", "projection", "values", squared_error),),
        metrics=value_metrics("projection", "projection"),
    )
