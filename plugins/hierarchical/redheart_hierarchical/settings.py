"""The [plugins.hierarchical] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import SHARE, width_from


@attrs.frozen
class HierarchicalSettings:
    """Width of the hierarchical integration."""

    width: int = attrs.field(default=64, validator=width_from(8))
    """A chunk that has been read; all others are fixed ratios of it."""
    dropout: float = attrs.field(default=0.2, validator=SHARE)
    """Share of activations dropped in training."""
