"""The [plugins.backbone] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import SHARE, divides, divides_or_none, repeated, width_from


@attrs.frozen
class BackboneSettings:
    """Widths and depths of the shared encoder."""

    width: int = attrs.field(default=64, validator=width_from(4))
    """D of every output; a multiple of heads."""
    layers: int = attrs.field(default=1, validator=repeated())
    """Transformer layers."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads of a layer."""
    feedforward: int = attrs.field(default=4, validator=repeated())
    """Hidden width of a layer's feed-forward network, in widths; it is computed for every chunk."""
    branch: int = attrs.field(default=1, validator=repeated())
    """Hidden width of a branch's projection, in widths; it is computed once for a text."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of a chunk's number, which are repeated up to width; 0 is width. A backbone that has grown
    keeps that which it began with."""
    dropout: float = attrs.field(default=0.2, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding's coordinates dropped in training, against overfitting few records."""
