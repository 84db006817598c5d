"""The [plugins.hierarchical] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, lt


@attrs.frozen
class HierarchicalSettings:
    """Width of the hierarchical integration."""

    width: int = attrs.field(default=64, validator=ge(8))
    """A chunk that has been read; all others are fixed ratios of it."""
    dropout: float = attrs.field(default=0.2, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
