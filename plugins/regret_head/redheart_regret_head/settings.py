"""The [plugins.regret_head] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, divides, repeated, width_from


@attrs.frozen
class RegretHeadSettings:
    """Widths, members and losses of the regret head."""

    width: int = attrs.field(default=96, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width", lambda size: size * 2 // 3))
    """Attention heads; a divisor of the attention's width."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """Layers of the LSTM over the chunks."""
    members: int = attrs.field(default=5, validator=repeated(2))
    """Ensemble members."""
    huber_beta: float = attrs.field(default=1.0, validator=POSITIVE)
    """Error at which the Huber loss turns from square to straight."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the mean embedding that the linear skips lose in training."""
