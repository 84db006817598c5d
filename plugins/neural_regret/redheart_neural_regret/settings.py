"""The [plugins.neural_regret] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, le

from redheart_core.config.ranges import POSITIVE, SHARE, repeated, width_from


@attrs.frozen
class NeuralRegretSettings:
    """Widths, depths, members and losses of neural regret."""

    width: int = attrs.field(default=72, validator=width_from(6))
    """Width of the trunk; all others are fixed ratios of it."""
    recurrent_layers: int = attrs.field(default=1, validator=repeated())
    """LSTM layers over the chunks."""
    tree_depth: int = attrs.field(default=3, validator=[ge(1), le(10)])
    """Levels of the decision tree; it has 2^depth leaves."""
    members: int = attrs.field(default=10, validator=repeated(2))
    """Ensemble members."""
    huber_beta: float = attrs.field(default=1.0, validator=POSITIVE)
    """Error at which the Huber loss turns from square to straight."""
    extra_weight: float = attrs.field(default=0.1, validator=POSITIVE)
    """Weight of the losses on act_regret and regret_course, where the data set has them."""
    dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.7, validator=SHARE)
    """Share of the embedding that all but the linear skips lose in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=SHARE)
    """Share of the embedding that the linear skips lose in training."""
