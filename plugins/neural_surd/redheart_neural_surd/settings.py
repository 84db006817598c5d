"""The [plugins.neural_surd] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, width_from


@attrs.frozen
class NeuralSurdSettings:
    """Widths and losses of neural SURD."""

    width: int = attrs.field(default=72, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    parts_weight: float = attrs.field(default=0.1, validator=POSITIVE)
    """Weight of the loss on the causal parts, where the data set has them."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding that the reasoner loses in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the mean embedding that the linear skips lose in training."""
