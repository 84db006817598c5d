"""The [plugins.phase1] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import SHARE, WEIGHT, width_from


@attrs.frozen
class Phase1Settings:
    """Width and losses of Phase 1."""

    width: int = attrs.field(default=80, validator=width_from(8))
    """A chunk that has been read; all others are fixed ratios of it."""
    expectation_weight: float = attrs.field(default=0.3, validator=WEIGHT)
    """Weight of the loss on the expectation, before it is corrected."""
    dropout: float = attrs.field(default=0.2, validator=SHARE)
    """Share of activations dropped in training."""
