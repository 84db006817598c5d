"""The [plugins.advanced_regret] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt, lt


@attrs.frozen
class AdvancedRegretSettings:
    """Widths, depths and losses of advanced regret."""

    width: int = attrs.field(default=48, validator=ge(12))
    """Width of an encoded chunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads; a divisor of width."""
    layers: int = attrs.field(default=1, validator=ge(1))
    """Layers in which the imagined acts are compared with each other."""
    recurrent_layers: int = attrs.field(default=1, validator=ge(1))
    """Layers of the recurrent networks over the chunks and over the horizons."""
    acts: int = attrs.field(default=5, validator=ge(2))
    """Acts that are imagined; as many as the data set's fields on acts have."""
    states: int = attrs.field(default=4, validator=ge(1))
    """States of the world, where no field of the data set says how many there are."""
    half_regret: float = attrs.field(default=0.4, validator=gt(0.0))
    """r0: how far a payoff falls behind where the regret r / (r0 + r) is one half."""
    huber_beta: float = attrs.field(default=1.0, validator=gt(0.0))
    """Error of the regret at which the Huber loss turns from square to straight."""
    likelihood_weight: float = attrs.field(default=0.02, validator=gt(0.0))
    """Weight of the posterior's likelihood against the Huber losses."""
    dropout: float = attrs.field(default=0.2, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
