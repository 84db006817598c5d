"""The [plugins.surd_head] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, lt


@attrs.frozen
class SurdHeadSettings:
    """Widths and depths of the SURD head."""

    width: int = attrs.field(default=96, validator=ge(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads; a divisor of the attention's width."""
    residual_layers: int = attrs.field(default=2, validator=ge(1))
    """Residual layers on the trunk."""
    dropout: float = attrs.field(default=0.1, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
