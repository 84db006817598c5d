"""The [plugins.neural_surd] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, lt


@attrs.frozen
class NeuralSurdSettings:
    """Widths of neural SURD."""

    width: int = attrs.field(default=72, validator=ge(6))
    """Width of the trunk; all others are fixed ratios of it."""
    readings: int = attrs.field(default=3, validator=ge(1))
    """Weighted means over the chunks that the network analyser reads."""
    dropout: float = attrs.field(default=0.3, validator=[ge(0.0), lt(1.0)])
    """Share of activations dropped in training."""
