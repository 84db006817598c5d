"""The [plugins.emotion_head] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, le

from redheart_core.config.ranges import MOST_NUMBER, POSITIVE, SHARE, WEIGHT, divides, repeated, width_from


@attrs.frozen
class EmotionHeadSettings:
    """Widths, experts and losses of the emotion head."""

    width: int = attrs.field(default=96, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of the attention's width."""
    experts: int = attrs.field(default=11, validator=repeated(2))
    """Experts of the mixture."""
    focal_gamma: float = attrs.field(default=0.0, validator=[ge(0.0), le(MOST_NUMBER)])
    """How much a focal loss prefers labels that are still wrong; 0 learns by the divergence instead."""
    level_weight: float = attrs.field(default=0.3, validator=WEIGHT)
    """Weight of each of the three levels' losses."""
    consistency_weight: float = attrs.field(default=0.3, validator=WEIGHT)
    """Weight of the penalty on levels that disagree with the sums of the next finer one."""
    culture_weight: float = attrs.field(default=0.5, validator=POSITIVE)
    """Weight of the loss on the cultural concepts, where the data set has them."""
    balance_weight: float = attrs.field(default=0.01, validator=WEIGHT)
    """Weight of the penalty on unequal expert load."""
    dropout: float = attrs.field(default=0.2, validator=SHARE)
    """Share of activations dropped in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the mean embedding that the linear skips lose in training."""
