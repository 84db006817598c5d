"""The [plugins.text_convolution] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, le

from redheart_core.config.ranges import SHARE, width_from

MOST_TOKENS = 65_536
"""Of a text; the longest text has 100,000 characters."""


@attrs.frozen
class TextConvolutionSettings:
    """Embeddings of subwords, convolutions over one to so many of them, and their greatest values."""

    width: int = attrs.field(default=128, validator=width_from(1))
    """Width of an embedding."""
    filters: int = attrs.field(default=128, validator=width_from(1))
    """Filters of each length."""
    longest: int = attrs.field(default=3, validator=[ge(1), le(16)])
    """Filters are 1 to so many tokens long."""
    tokens: int = attrs.field(default=1000, validator=[ge(1), le(MOST_TOKENS)])
    """At most so many tokens of a text are read; the rest of it is not."""
    token_dropout: float = attrs.field(default=0.1, validator=SHARE)
    """Share of a text's tokens that are left out in training."""
    dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the filters that the answers lose in training."""
