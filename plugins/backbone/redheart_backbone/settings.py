"""The [plugins.backbone] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, lt


@attrs.frozen
class BackboneSettings:
    """Widths and depths of the shared encoder."""

    width: int = attrs.field(default=64, validator=ge(4))
    """D of every output; a multiple of heads."""
    layers: int = attrs.field(default=1, validator=ge(1))
    """Transformer layers."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads of a layer."""
    feedforward: int = attrs.field(default=4, validator=ge(1))
    """Hidden width of a layer's feed-forward network, in widths; it is computed for every chunk."""
    branch: int = attrs.field(default=1, validator=ge(1))
    """Hidden width of a branch's projection, in widths; it is computed once for a text."""
    dropout: float = attrs.field(default=0.2, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=[ge(0.0), lt(1.0)])
    """Share of the embedding's coordinates dropped in training, against overfitting few records."""
