"""The [plugins.advanced_emotion] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import SHARE, WEIGHT, divides, divides_or_none, repeated, width_from


@attrs.frozen
class AdvancedEmotionSettings:
    """Widths, depths, experts and losses of advanced emotion."""

    width: int = attrs.field(default=48, validator=width_from(12))
    """Width of an encoded chunk and of every modality; all others are fixed ratios of it. Even."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of width."""
    attention_layers: int = attrs.field(default=1, validator=repeated())
    """Transformer layers over the chunks."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """LSTM layers of the tracker."""
    experts: int = attrs.field(default=8, validator=repeated(2))
    """Micro-experts of the mixture."""
    balance_weight: float = attrs.field(default=0.01, validator=WEIGHT)
    """Weight of the penalty on unequal expert load."""
    culture_weight: float = attrs.field(default=0.5, validator=WEIGHT)
    """Weight of the loss on culture, where the data set has it."""
    affect_weight: float = attrs.field(default=0.5, validator=WEIGHT)
    """Weight of the loss on self_after, where the data set has it."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of a chunk's number, even, which are repeated up to width; 0 is width. A network that has
    grown keeps that which it began with."""
    dropout: float = attrs.field(default=0.1, validator=SHARE)
    """Share of activations dropped in training."""

    def __attrs_post_init__(self) -> None:
        if self.width % 2:
            raise ValueError(f"'width' has to be even, got {self.width}")
        if self.position_width % 2:
            raise ValueError(f"'position_width' has to be even, got {self.position_width}")
