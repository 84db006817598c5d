"""The [plugins.advanced_surd] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import POSITIVE, SHARE, divides, divides_or_none, repeated, width_from


@attrs.frozen
class AdvancedSurdSettings:
    """Widths, depths and losses of advanced SURD."""

    width: int = attrs.field(default=64, validator=width_from(12))
    """Width of the chunks' features; all others of the encoder are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads over the chunks; a divisor of width."""
    layers: int = attrs.field(default=1, validator=repeated())
    """Attention layers over the chunks."""
    causal_width: int = attrs.field(default=64, validator=width_from(8))
    """First width of the causal model; it goes down to a half and a quarter."""
    causal_heads: int = attrs.field(
        default=4, validator=[divides("causal_width"), divides("causal_width", lambda size: size // 4)]
    )
    """Attention heads of the causal model; a divisor of a quarter of causal_width."""
    transfer_width: int = attrs.field(default=24, validator=width_from(4))
    """Width of the network over the mood log."""
    transfer_weight: float = attrs.field(default=1.0, validator=POSITIVE)
    """Weight of the loss on the transfer entropy against those on parts and paths."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of a chunk's number, which are repeated up to width; 0 is width. A network that has grown
    keeps that which it began with."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.7, validator=SHARE)
    """Share of the embedding that the encoder loses in training."""
    skip_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the mean embedding that the linear skip loses in training."""
