"""Values by emotion name: bands and envelopes to begin with, valence-arousal points for good."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import fmean
from types import MappingProxyType

import attrs


@attrs.frozen
class Sound:
    """How an emotion sounds: initial values, one second read as one chunk."""

    low_hz: float
    high_hz: float
    attack: float
    """Chunks, as are decay and release."""
    decay: float
    sustain: float
    """Share of the peak, 0..1."""
    release: float

    @property
    def band(self) -> tuple[float, float]:
        """The band in cycles per chunk: 20..8000 Hz on a logarithmic scale laid over 0..0.5.

        A trajectory has one value per chunk, so hertz mean nothing here; what is kept is the order
        and the relative width of the bands.
        """
        return tuple(0.5 * math.log(hertz / 20) / math.log(400) for hertz in (self.low_hz, self.high_hz))  # type: ignore[return-value] # mypy does not count a generator


SOUNDS: Mapping[str, Sound] = MappingProxyType(
    {
        "fear": Sound(20, 80, 0.03, 0.2, 0.4, 1.0),
        "anger": Sound(80, 200, 0.1, 0.3, 0.8, 3.0),
        "disgust": Sound(100, 300, 0.05, 0.2, 0.6, 0.8),
        "sadness": Sound(200, 500, 1.0, 2.0, 0.3, 5.0),
        "joy": Sound(500, 2000, 0.3, 0.5, 0.7, 1.0),
        "love": Sound(1000, 4000, 0.5, 0.8, 0.6, 2.0),
        "surprise": Sound(4000, 8000, 0.01, 0.1, 0.5, 0.5),
    }
)
"""Chosen by hand; training changes them."""

POINTS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "joy": (0.76, 0.48),
        "anger": (-0.51, 0.59),
        "surprise": (0.40, 0.67),
        "disgust": (-0.60, 0.35),
        "sadness": (-0.63, -0.27),
        "shame": (-0.57, 0.01),
        "fear": (-0.64, 0.60),
    }
)
"""Mean pleasure and arousal of an emotion word, each -1..1 (Russell and Mehrabian 1977)."""


def sounds_of(labels: Iterable[str]) -> list[Sound]:
    """Initial values per label; one that the table lacks begins at the table's mean and is learnt from there."""
    mean = Sound(
        math.exp(fmean(math.log(sound.low_hz) for sound in SOUNDS.values())),
        math.exp(fmean(math.log(sound.high_hz) for sound in SOUNDS.values())),
        fmean(sound.attack for sound in SOUNDS.values()),
        fmean(sound.decay for sound in SOUNDS.values()),
        fmean(sound.sustain for sound in SOUNDS.values()),
        fmean(sound.release for sound in SOUNDS.values()),
    )
    return [SOUNDS.get(label, mean) for label in labels]
