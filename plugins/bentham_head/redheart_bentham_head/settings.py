"""The [plugins.bentham_head] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, WEIGHT, repeated, width_from


@attrs.frozen
class BenthamHeadSettings:
    """Widths, experts and losses of the Bentham head."""

    width: int = attrs.field(default=96, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    experts: int = attrs.field(default=6, validator=repeated(2))
    """Experts of the mixture."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """LSTM layers over the chunks."""
    context_weight: float = attrs.field(default=0.05, validator=POSITIVE)
    """Weight of the loss on the weight layers, where the data set has them."""
    legal_weight: float = attrs.field(default=1.0, validator=POSITIVE)
    """Weight of the loss on legal risk, where the data set has it."""
    balance_weight: float = attrs.field(default=0.01, validator=WEIGHT)
    """Weight of the penalty on unequal expert load."""
    dropout: float = attrs.field(default=0.1, validator=SHARE)
    """Share of activations dropped in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the mean embedding that the linear skips lose in training."""
