"""The [plugins.kalman] table."""

from __future__ import annotations

import attrs

from redheart_core.config.ranges import WEIGHT, width_from


@attrs.frozen
class KalmanSettings:
    """Width and loss of the filter; its matrices have the size of the emotion vocabulary."""

    hidden: int = attrs.field(default=32, validator=width_from(1))
    """Width of the network that weighs the two sensors."""
    likelihood_weight: float = attrs.field(default=0.05, validator=WEIGHT)
    """Weight of the observations' negative log-likelihood beside the divergence from the label."""
