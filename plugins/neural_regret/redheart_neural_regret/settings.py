"""The [plugins.neural_regret] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt, lt


@attrs.frozen
class NeuralRegretSettings:
    """Widths, depths, members and losses of neural regret."""

    width: int = attrs.field(default=72, validator=ge(6))
    """Width of the trunk; all others are fixed ratios of it."""
    recurrent_layers: int = attrs.field(default=1, validator=ge(1))
    """LSTM layers over the chunks."""
    tree_depth: int = attrs.field(default=3, validator=ge(1))
    """Levels of the decision tree; it has 2^depth leaves."""
    members: int = attrs.field(default=10, validator=ge(2))
    """Ensemble members."""
    huber_beta: float = attrs.field(default=1.0, validator=gt(0.0))
    """Error at which the Huber loss turns from square to straight."""
    extra_weight: float = attrs.field(default=0.1, validator=gt(0.0))
    """Weight of the losses on act_regret and regret_course, where the data set has them."""
    dropout: float = attrs.field(default=0.3, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
    input_dropout: float = attrs.field(default=0.7, validator=[ge(0.0), lt(1.0)])
    """Share of the embedding that all but the linear skips lose in training."""
    skip_dropout: float = attrs.field(default=0.3, validator=[ge(0.0), lt(1.0)])
    """Share of the embedding that the linear skips lose in training."""
