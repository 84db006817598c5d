"""The [plugins.regret_head] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt, lt


@attrs.frozen
class RegretHeadSettings:
    """Widths, members and losses of the regret head."""

    width: int = attrs.field(default=96, validator=ge(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads; a divisor of the attention's width."""
    recurrent_layers: int = attrs.field(default=1, validator=ge(1))
    """Layers of the LSTM over the chunks."""
    members: int = attrs.field(default=5, validator=ge(2))
    """Ensemble members."""
    huber_beta: float = attrs.field(default=1.0, validator=gt(0.0))
    """Error at which the Huber loss turns from square to straight."""
    dropout: float = attrs.field(default=0.3, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=[ge(0.0), lt(1.0)])
    """Share of the mean embedding that the linear skips lose in training."""
