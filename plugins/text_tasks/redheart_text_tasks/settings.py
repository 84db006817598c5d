"""The [plugins.<task>_<architecture>] tables, one class for each architecture."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import SHARE, divides, divides_or_none, repeated, width_from


@attrs.frozen
class PooledSettings:
    """A network on the mean chunk, and linear maps of the mean chunk and of the terms."""

    width: int = attrs.field(default=128, validator=width_from(2))
    """Width of the network."""
    layers: int = attrs.field(default=1, validator=repeated())
    """Hidden layers that read the mean chunk."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding that the network loses in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the embedding that the linear map loses in training."""
    term_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the terms that their linear map loses in training."""


@attrs.frozen
class AttentiveSettings:
    """Transformer layers and attention pooling over the chunks, beside a bottleneck of the terms."""

    width: int = attrs.field(default=128, validator=width_from(2))
    """Width of a chunk."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of width."""
    layers: int = attrs.field(default=1, validator=repeated())
    """Transformer layers."""
    terms: bool = True
    """Also read the terms."""
    bottleneck: int = attrs.field(default=32, validator=width_from(1))
    """Numbers to which the terms are reduced."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding that the network loses in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the embedding that the linear map loses in training."""
    term_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the terms that the bottleneck loses in training."""
    position_width: int = attrs.field(default=0, validator=divides_or_none("width"))
    """Width of the sinusoids of a chunk's number, which are repeated up to width; 0 is width. A network that has grown
    keeps that which it began with."""


@attrs.frozen
class RecurrentSettings:
    """A bidirectional LSTM over the chunks."""

    width: int = attrs.field(default=128, validator=width_from(2))
    """Width of a chunk and of each direction's state."""
    layers: int = attrs.field(default=1, validator=repeated())
    """LSTM layers."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding that the network loses in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the embedding that the linear map loses in training."""
