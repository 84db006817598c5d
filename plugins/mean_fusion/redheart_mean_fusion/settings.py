"""The [plugins.mean_fusion] table."""

from __future__ import annotations

import attrs


@attrs.frozen
class MeanFusionSettings:
    """Nothing to set: the weights follow from the validation records, the same at every scale."""
