"""The [plugins.neural_emotion] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, WEIGHT, divides, divides_or_none, repeated, width_from


@attrs.frozen
class NeuralEmotionSettings:
    """Widths, experts and losses of neural emotion."""

    width: int = attrs.field(default=72, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of the attention's width."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """LSTM layers over the chunks."""
    experts: int = attrs.field(default=8, validator=repeated(2))
    """Experts of the mixture."""
    culture_weight: float = attrs.field(default=1.0, validator=POSITIVE)
    """Weight of the loss on the cultural concepts, where the data set has them."""
    balance_weight: float = attrs.field(default=0.01, validator=WEIGHT)
    """Weight of the penalty on unequal expert load."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of a chunk's number, which are repeated up to width; 0 is width. A network that has grown
    keeps that which it began with."""
    dropout: float = attrs.field(default=0.1, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding that all but the linear skips lose in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the embedding that the linear skips lose in training."""
