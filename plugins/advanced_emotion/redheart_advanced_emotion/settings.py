"""The [plugins.advanced_emotion] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, lt


@attrs.frozen
class AdvancedEmotionSettings:
    """Widths, depths, experts and losses of advanced emotion."""

    width: int = attrs.field(default=48, validator=ge(12))
    """Width of an encoded chunk and of every modality; all others are fixed ratios of it. Even."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads; a divisor of width."""
    attention_layers: int = attrs.field(default=1, validator=ge(1))
    """Transformer layers over the chunks."""
    recurrent_layers: int = attrs.field(default=1, validator=ge(1))
    """LSTM layers of the tracker."""
    experts: int = attrs.field(default=8, validator=ge(2))
    """Micro-experts of the mixture."""
    balance_weight: float = attrs.field(default=0.01, validator=ge(0.0))
    """Weight of the penalty on unequal expert load."""
    culture_weight: float = attrs.field(default=0.5, validator=ge(0.0))
    """Weight of the loss on culture, where the data set has it."""
    affect_weight: float = attrs.field(default=0.5, validator=ge(0.0))
    """Weight of the loss on self_after, where the data set has it."""
    dropout: float = attrs.field(default=0.1, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""

    def __attrs_post_init__(self) -> None:
        if self.width % 2:
            raise ValueError(f"'width' has to be even, got {self.width}")
