"""The [plugins.phase2] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import SHARE, divides, repeated, width_from


@attrs.frozen
class Phase2Settings:
    """Widths and depths of Phase 2."""

    width: int = attrs.field(default=48, validator=width_from(8))
    """A person; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of width."""
    layers: int = attrs.field(default=1, validator=repeated())
    """Attention layers over the persons."""
    dropout: float = attrs.field(default=0.2, validator=SHARE)
    """Share of activations dropped in training."""
