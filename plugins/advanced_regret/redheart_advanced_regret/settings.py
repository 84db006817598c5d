"""The [plugins.advanced_regret] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, divides, repeated, width_from


@attrs.frozen
class AdvancedRegretSettings:
    """Widths, depths and losses of advanced regret."""

    width: int = attrs.field(default=48, validator=width_from(12))
    """Width of an encoded chunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of width."""
    layers: int = attrs.field(default=1, validator=repeated())
    """Layers in which the imagined acts are compared with each other."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """Layers of the recurrent networks over the chunks and over the horizons."""
    acts: int = attrs.field(default=5, validator=repeated(2))
    """Acts that are imagined; as many as the data set's fields on acts have."""
    states: int = attrs.field(default=4, validator=repeated())
    """States of the world, where no field of the data set says how many there are."""
    half_regret: float = attrs.field(default=0.4, validator=POSITIVE)
    """r0: how far a payoff falls behind where the regret r / (r0 + r) is one half."""
    huber_beta: float = attrs.field(default=1.0, validator=POSITIVE)
    """Error of the regret at which the Huber loss turns from square to straight."""
    likelihood_weight: float = attrs.field(default=0.02, validator=POSITIVE)
    """Weight of the posterior's likelihood against the Huber losses."""
    dropout: float = attrs.field(default=0.2, validator=SHARE)
    """Share of activations dropped in training."""
