"""The [plugins.phase2] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, lt


@attrs.frozen
class Phase2Settings:
    """Widths and depths of Phase 2."""

    width: int = attrs.field(default=48, validator=ge(8))
    """A person; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=ge(1))
    """Attention heads; a divisor of width."""
    layers: int = attrs.field(default=1, validator=ge(1))
    """Attention layers over the persons."""
    dropout: float = attrs.field(default=0.2, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
