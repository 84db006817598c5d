"""The calculator `exact_hedonic`: the hedonic calculus with ten dimensions and six context layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import and_, ge, gt, le

from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@attrs.frozen
class HedonicSettings:
    """The [plugins.exact_hedonic] table."""

    rate: float = attrs.field(default=0.0, validator=ge(0.0))
    """Discount per day."""
    discount: Literal["exponential", "hyperbolic"] = "exponential"
    fecundity_weight: float = attrs.field(default=1.0, validator=ge(0.0))
    """a: weight of what follows of the same kind."""
    purity_weight: float = attrs.field(default=1.0, validator=and_(ge(0.0), le(1.0)))
    """b: weight of what follows of the opposite kind."""
    external_cost_weight: float = attrs.field(default=0.125, validator=and_(ge(0.0), le(1.0)))
    redistribution_weight: float = attrs.field(default=0.0625, validator=and_(ge(0.0), le(1.0)))
    self_damage_weight: float = attrs.field(default=0.0625, validator=and_(ge(0.0), le(1.0)))
    half: float = attrs.field(default=1.0, validator=gt(0.0))
    """Hedons that score one half."""


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_hedonic",
        meaning="value of acts by the hedonic calculus: pleasures and pains, burdens, context layers",
        settings=HedonicSettings,
        inputs=(
            CalculatorInput("sign", "+1 pleasure, -1 pain", "(lots,) or (acts, lots)"),
            CalculatorInput("intensity", "hedons per day, 0..1", "(lots,) or (acts, lots)"),
            CalculatorInput("days", "duration, >= 0", "(lots,) or (acts, lots)"),
            CalculatorInput("certainty", "probability, 0..1; 1 without", "(lots,) or (acts, lots)", required=False),
            CalculatorInput(
                "delay_days", "days until it begins, >= 0; 0 without", "(lots,) or (acts, lots)", required=False
            ),
            CalculatorInput(
                "fecundity",
                "probability of more of the kind, 0..1; 0 without",
                "(lots,) or (acts, lots)",
                required=False,
            ),
            CalculatorInput(
                "purity", "probability of no opposite, 0..1; 1 without", "(lots,) or (acts, lots)", required=False
            ),
            CalculatorInput("persons", "extent, >= 0; 1 without", "(lots,) or (acts, lots)", required=False),
            CalculatorInput("external_cost", "-1..1; 0 without", "() or (acts,)", required=False),
            CalculatorInput("redistribution", "-1..1; 0 without", "() or (acts,)", required=False),
            CalculatorInput("self_damage", "-1..1; 0 without", "() or (acts,)", required=False),
            CalculatorInput(
                "layers",
                "cultural, temporal, social, personal, moral, situational; clipped to 0.3..2.5; 1 each without",
                "(6,) or (acts, 6)",
                required=False,
            ),
            CalculatorInput("layer_weights", "their shares, sum 1; equal without", "(6,) or (acts, 6)", required=False),
        ),
        compute=_compute,
        # vector H12
        example={
            "sign": [1, -1],
            "intensity": [0.6, 0.5],
            "days": [2, 4],
            "certainty": [0.9, 0.5],
            "delay_days": [0, 1],
            "fecundity": [0.2, 0],
            "purity": [0.9, 1],
            "persons": [3, 1],
            "external_cost": 0.4,
            "redistribution": 0.5,
            "self_damage": 0.2,
            "layers": [1.2, 0.8, 1.5, 1, 2, 0.5],
        },
    )


def _compute(settings: HedonicSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    import numpy as np

    from redheart_core.exact.hedonic import (
        BURDENS,
        CONTEXT_LAYERS,
        Lots,
        bounded_score,
        context_factor,
        lot_value,
        net_and_gross,
        with_side_effects,
    )

    names = [field.name for field in attrs.fields(Lots)]
    lots = Lots(**{name: inputs[name] for name in names if name in inputs})
    hyperbolic = settings.discount == "hyperbolic"
    same, opposite = settings.fecundity_weight, settings.purity_weight
    values = lot_value(lots, settings.rate, hyperbolic=hyperbolic, same=same, opposite=opposite)
    net, gross = net_and_gross(lots, settings.rate, hyperbolic=hyperbolic, same=same, opposite=opposite)
    neutral = np.zeros(())
    cost, gain, damage = (inputs.get(name, neutral) for name in BURDENS)
    weights = (settings.external_cost_weight, settings.redistribution_weight, settings.self_damage_weight)
    burdened = with_side_effects(net, gross, cost, gain, damage, weights)
    context = context_factor(inputs.get("layers", np.ones(len(CONTEXT_LAYERS))), inputs.get("layer_weights"))
    if context.shape and burdened.shape and context.shape != burdened.shape:
        raise DataError(
            f"'layers' needs one row of 6 for each of {len(burdened)} acts, got {len(context)}; give either"
        )
    value = context * burdened
    return {
        "lot_values": values,
        "net": net,
        "gross": gross,
        "with_burdens": burdened,
        "context": context,
        "value": value,
        "score": bounded_score(value, settings.half),
    }
