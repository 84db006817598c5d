"""The [plugins.neural_bentham] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, WEIGHT, divides, divides_or_none, repeated, width_from


@attrs.frozen
class NeuralBenthamSettings:
    """Widths, depths and losses of neural Bentham."""

    width: int = attrs.field(default=64, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of the attention's width."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """LSTM layers over the chunks."""
    experts: int = attrs.field(default=6, validator=repeated(2))
    """Experts of the mixture."""
    extra_weight: float = attrs.field(default=0.05, validator=POSITIVE)
    """Weight of the losses on burdens, context_layers and utility_horizons, where the data set has them."""
    balance_weight: float = attrs.field(default=0.01, validator=WEIGHT)
    """Weight of the penalty on unequal expert load."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of a chunk's number, which are repeated up to width; 0 is width. A network that has grown
    keeps that which it began with."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding that all but the linear skips lose in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the embedding that the linear skips lose in training."""
