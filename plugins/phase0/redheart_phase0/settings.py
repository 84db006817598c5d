"""The [plugins.phase0] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, lt


@attrs.frozen
class Phase0Settings:
    """Width of Phase 0."""

    width: int = attrs.field(default=96, validator=ge(8))
    """A chunk that has been read; all others are fixed ratios of it."""
    dropout: float = attrs.field(default=0.2, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
