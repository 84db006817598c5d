"""The [plugins.advanced_surd] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt, lt


@attrs.frozen
class AdvancedSurdSettings:
    """Widths, depths and losses of advanced SURD."""

    width: int = attrs.field(default=64, validator=ge(12))
    """Width of the chunks' features; all others of the encoder are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads over the chunks; a divisor of width."""
    layers: int = attrs.field(default=1, validator=ge(1))
    """Attention layers over the chunks."""
    causal_width: int = attrs.field(default=64, validator=ge(8))
    """First width of the causal model; it goes down to a half and a quarter."""
    causal_heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads of the causal model; a divisor of a quarter of causal_width."""
    transfer_width: int = attrs.field(default=24, validator=ge(4))
    """Width of the network over the mood log."""
    transfer_weight: float = attrs.field(default=1.0, validator=gt(0.0))
    """Weight of the loss on the transfer entropy against those on parts and paths."""
    dropout: float = attrs.field(default=0.3, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.7, validator=[ge(0.0), lt(1.0)])
    """Share of the embedding that the encoder loses in training."""
    skip_dropout: float = attrs.field(default=0.5, validator=[ge(0.0), lt(1.0)])
    """Share of the mean embedding that the linear skip loses in training."""
