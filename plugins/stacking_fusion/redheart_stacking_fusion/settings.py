"""The [plugins.stacking_fusion] table."""

from __future__ import annotations

import attrs


@attrs.frozen
class StackingFusionSettings:
    """Nothing to set: how a field is stacked is chosen by cross-fitting, the same at every scale."""
