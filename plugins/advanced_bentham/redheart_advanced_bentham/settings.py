"""The [plugins.advanced_bentham] table."""

from __future__ import annotations

import attrs
from attrs.validators import deep_iterable, in_

from redheart_core.config.ranges import POSITIVE, SHARE, WEIGHT, divides_or_none, repeated, width_from

LAYER_NAMES = ("cultural", "temporal", "social", "personal", "moral", "situational")


@attrs.frozen
class AdvancedBenthamSettings:
    """Widths, depths, units of the calculus and losses of advanced Bentham."""

    width: int = attrs.field(default=40, validator=width_from(12))
    """Width of an encoded chunk; all others are fixed ratios of it. Even."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """LSTM layers of each social level."""
    experts: int = attrs.field(default=4, validator=repeated(2))
    """Ethical experts of the weight predictor."""
    days_scale: float = attrs.field(default=30.0, validator=POSITIVE)
    """D0: days of which the duration is 1 - 1/e."""
    rho: float = attrs.field(default=0.02, validator=POSITIVE)
    """Discount per day; a propinquity is exp(-rho delay)."""
    hyperbolic_rate: float = attrs.field(default=0.0, validator=WEIGHT)
    """k per day of hyperbolic discounting; 0 discounts exponentially by rho."""
    spread_days: float = attrs.field(default=3.0, validator=WEIGHT)
    """How gradually a lot begins around its delay when horizons are counted; 0 at once."""
    most_persons: float = attrs.field(default=100.0, validator=POSITIVE)
    """N0: persons of whom the extent is 1."""
    half_value: float = attrs.field(default=15.0, validator=POSITIVE)
    """V0: hedons that score one half."""
    utility_layers: tuple[str, ...] = attrs.field(
        default=("social", "moral"), validator=deep_iterable(in_(LAYER_NAMES))
    )
    """Layers that the field utility counts; utility_in_context and utility_horizons count all six."""
    balance_weight: float = attrs.field(default=0.01, validator=WEIGHT)
    """Weight of the penalty on unequal expert load."""
    dimensions_weight: float = attrs.field(default=4.0, validator=WEIGHT)
    """Weight of the losses on bentham and burdens beside that of utility."""
    layers_weight: float = attrs.field(default=2.0, validator=WEIGHT)
    """Weight of the loss on context_layers."""
    context_weight: float = attrs.field(default=0.25, validator=WEIGHT)
    """Weight of the losses on utility_in_context and utility_horizons, which say much the same as utility."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of a chunk's number, which are repeated up to width; 0 is width. A network that has grown
    keeps that which it began with."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""

    def __attrs_post_init__(self) -> None:
        if self.width % 2:
            raise ValueError(f"'width' has to be even, got {self.width}")
        if len(set(self.utility_layers)) != len(self.utility_layers):
            raise ValueError(f"'utility_layers' names a layer twice: {', '.join(self.utility_layers)}")
