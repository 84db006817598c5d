"""The [plugins.emotion_dsp] table."""

from __future__ import annotations

from typing import Any

import attrs
from attrs.validators import ge, le

from redheart_core.config.ranges import MOST_LAYERS, SHARE, divides, repeated, width_from


def _even(_: Any, attribute: Any, value: int) -> None:
    if value % 2:
        raise ValueError(f"{attribute.name} has to be even, as frames overlap by half; got {value}")


@attrs.frozen
class EmotionDspSettings:
    """Widths and times of the signal chain; times are in chunks."""

    width: int = attrs.field(default=64, validator=width_from(6))
    """Width of an encoded chunk; all others are fixed ratios of it."""
    heads: int = attrs.field(default=4, validator=divides("width"))
    """Attention heads; a divisor of width."""
    window: int = attrs.field(default=8, validator=[ge(2), le(MOST_LAYERS), _even])
    """Length of an STFT frame, with frequencies 0, 1 / window, ..., 0.5 cycles per chunk."""
    tail: int = attrs.field(default=8, validator=repeated())
    """Steps after the last chunk in which release and reverb ring on."""
    delays: int = attrs.field(default=8, validator=repeated())
    """Combs of the reverb, with delays of 1, 2, ... chunks."""
    dropout: float = attrs.field(default=0.1, validator=SHARE)
    """Share of activations dropped in training."""
    skip_dropout: float = attrs.field(default=0.5, validator=SHARE)
    """Share of the embedding that the linear skip loses in training."""

    @property
    def bins(self) -> int:
        """Frequencies of a frame."""
        return self.window // 2 + 1
