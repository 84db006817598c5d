"""The [plugins.surd_head] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt, lt


@attrs.frozen
class SurdHeadSettings:
    """Widths, depths and losses of the SURD head."""

    width: int = attrs.field(default=96, validator=ge(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads; a divisor of the attention's width."""
    residual_layers: int = attrs.field(default=2, validator=ge(1))
    """Residual layers on the trunk."""
    parts_weight: float = attrs.field(default=0.1, validator=gt(0.0))
    """Weight of the loss on the causal parts, where the data set has them."""
    dropout: float = attrs.field(default=0.1, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=[ge(0.0), lt(1.0)])
    """Share of the mean embedding that the linear skips lose in training."""
