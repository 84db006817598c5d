"""What advanced Bentham learns: the dimensions and layers with labels, and what the calculus makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs
from torch import Tensor

from redheart_advanced_bentham.calculus import BURDENS, CIRCUMSTANCES, LAYERS, Units
from redheart_advanced_bentham.model import AdvancedBentham, Parts
from redheart_advanced_bentham.settings import AdvancedBenthamSettings
from redheart_core import BuildContext, LossTerm, Metric, Objective, PluginError
from redheart_core.nn.growing_axes import multiple
from redheart_core.nn.losses import imbalance, squared_error
from redheart_core.nn.metrics import value_metrics

_HORIZON = re.compile(r"day_([1-9][0-9]*)")


def build(context: BuildContext) -> AdvancedBentham:
    """The module at the settings' widths, for what the data set labels."""
    settings: AdvancedBenthamSettings = context.settings
    return AdvancedBentham(
        width_in=context.input_width("embedding"),
        width=settings.width,
        recurrent_layers=settings.recurrent_layers,
        experts=settings.experts,
        parts=parts_of(context),
        units=units_of(settings),
        position_width=settings.position_width,
        dropout=settings.dropout,
    )


def grown(smaller: AdvancedBenthamSettings, larger: AdvancedBenthamSettings) -> AdvancedBenthamSettings:
    """A width that repeats that of the smaller one; experts, recurrent layers and positions as before."""
    return attrs.evolve(
        larger,
        width=multiple(smaller.width, larger.width),
        experts=smaller.experts,
        recurrent_layers=smaller.recurrent_layers,
        position_width=smaller.position_width or smaller.width,
    )


def units_of(settings: AdvancedBenthamSettings) -> Units:
    """Of the calculus."""
    return Units(
        settings.days_scale,
        settings.rho,
        settings.most_persons,
        settings.half_value,
        settings.hyperbolic_rate,
        settings.spread_days,
    )


def parts_of(context: BuildContext) -> Parts:
    """What the fields of the data set allow.

    All six layers are predicted if a value in context has labels, otherwise those that have labels
    themselves or that utility counts, as nothing would train the others.

    Raises:
        PluginError: A field has a label that the calculus does not know.
    """
    settings: AdvancedBenthamSettings = context.settings
    counted = tuple(LAYERS.index(layer) for layer in settings.utility_layers)
    in_context, in_time = (name in context.wanted for name in ("utility_in_context", "utility_horizons"))
    layers = _places(context, "context_layers", LAYERS) if "context_layers" in context.wanted else ()
    predicted = tuple(range(len(LAYERS))) if in_context or in_time else tuple(sorted({*layers, *counted}))
    if not predicted:
        raise PluginError(
            "it has no context layer to predict: 'utility_layers' is empty, and the data set has "
            "neither context_layers nor utility_in_context; name at least one layer"
        )
    return Parts(
        circumstances=_places(context, "bentham", CIRCUMSTANCES),
        burdens=_places(context, "burdens", BURDENS) if "burdens" in context.wanted else (),
        layers=layers,
        predicted_layers=predicted,
        utility_layers=counted,
        in_context=in_context,
        horizons=_horizons(context) if in_time else (),
    )


def objective(context: BuildContext) -> Objective:
    """Squared errors of everything that is labelled, equal load of the experts."""
    settings: AdvancedBenthamSettings = context.settings
    losses: list[LossTerm] = []
    metrics: list[Metric] = []
    weights = {
        "utility": 1.0,
        "bentham": settings.dimensions_weight,
        "burdens": settings.dimensions_weight,
        "context_layers": settings.layers_weight,
        "utility_in_context": settings.context_weight,
        "utility_horizons": settings.context_weight,
    }
    for name, weight in weights.items():
        if name in context.wanted:
            losses.append(LossTerm(name, name, "values", squared_error, weight))
            named = value_metrics(name, name)
            metrics += named if name == "utility" else [attrs.evolve(m, name=f"{name}_{m.name}") for m in named]

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(tuple(losses), tuple(metrics), penalty)


def _places(context: BuildContext, field: str, known: tuple[str, ...]) -> tuple[int, ...]:
    """Where the labels of a field stand among the known names."""
    labels = context.labels(field)
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise PluginError(
            f"it computes '{field}' from {', '.join(known)}; the data set has the label {', '.join(unknown)}"
        )
    return tuple(known.index(label) for label in labels)


def _horizons(context: BuildContext) -> tuple[int, ...]:
    """The days that the labels of the horizons name."""
    found = [_HORIZON.fullmatch(label) for label in context.labels("utility_horizons")]
    days = tuple(int(match[1]) for match in found if match)
    if len(days) != len(found):
        raise PluginError(
            "it reads horizons from labels such as day_30; "
            f"the data set has {', '.join(context.labels('utility_horizons'))}"
        )
    return days
