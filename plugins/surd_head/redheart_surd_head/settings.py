"""The [plugins.surd_head] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, divides, repeated, width_from


@attrs.frozen
class SurdHeadSettings:
    """Widths, depths and losses of the SURD head."""

    width: int = attrs.field(default=96, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of the attention's width."""
    residual_layers: int = attrs.field(default=2, validator=repeated())
    """Residual layers on the trunk."""
    parts_weight: float = attrs.field(default=0.1, validator=POSITIVE)
    """Weight of the loss on the causal parts, where the data set has them."""
    dropout: float = attrs.field(default=0.1, validator=SHARE)
    """Share of activations dropped in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the mean embedding that the linear skips lose in training."""
