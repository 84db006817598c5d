"""The [plugins.kalman] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge


@attrs.frozen
class KalmanSettings:
    """Width and loss of the filter; its matrices have the size of the emotion vocabulary."""

    hidden: int = attrs.field(default=32, validator=ge(1))
    """Width of the network that weighs the two sensors."""
    likelihood_weight: float = attrs.field(default=0.05, validator=ge(0.0))
    """Weight of the observations' negative log-likelihood beside the divergence from the label."""
