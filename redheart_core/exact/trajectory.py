"""Signal processing of an emotion trajectory: spectra, envelopes, and affect (Russell and Mehrabian 1977).

A trajectory has one value per step (sentence or turn) on its last axis; frequencies are in cycles per step, 0..0.5,
unless a sampling rate is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, batch, distribution, finite, positive, whole, within

WINDOWS = ("hann", "rectangular")
COORDINATES: Mapping[str, tuple[float, float]] = MappingProxyType(
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
"""Valence and arousal, -1..1, of joyful, angry, ... in Russell & Mehrabian (1977); trust is not among them."""


def window(name: str, length: int) -> FloatArray:
    """(length,) weights: "rectangular" is all 1, "hann" the periodic 0.5 - 0.5 cos(2 pi n / length)."""
    size = int(whole("window length", length, 1))
    if name not in WINDOWS:
        raise DataError(f"window must be one of {', '.join(WINDOWS)}, got {name!r}; choose one of them")
    return np.ones(size) if name == "rectangular" else 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)


@attrs.frozen(eq=False)
class Spectrum:
    """Energy of windowed frames by frequency."""

    frequency: FloatArray
    """(bins,) cycles per step, 0..0.5."""
    energy: FloatArray
    """(..., frames, bins) one-sided, >= 0, in squared units of the trajectory; sums to that of the windowed frame."""


def spectrum(trajectory: npt.ArrayLike, length: int, hop: int, window_name: str = "hann") -> Spectrum:
    """Short-time Fourier energies without padding: 1 + floor((T - length) / hop) frames.

    Args:
        trajectory: (..., T) with T >= length.
        length: Steps of a frame, N.
        hop: Steps from one frame to the next, >= 1.
        window_name: One of WINDOWS.
    """
    x = axes("trajectory", finite("trajectory", trajectory), "T")
    weights, jump = window(window_name, length), int(whole("hop", hop, 1))
    if x.shape[-1] < length:
        raise DataError(f"a frame needs {length} steps, the trajectory has {x.shape[-1]}; shorten the frame")
    frames = np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)[..., ::jump, :]
    energy = np.abs(np.fft.rfft(frames * weights)) ** 2 / length
    energy[..., 1 : (length + 1) // 2] *= 2.0  # all but 0 and, for even N, N/2 stand for two bins
    # k / N, not rfftfreq's k * (1 / N), which puts bin 3 of 10 above the band edge 0.3
    return Spectrum(np.arange(length // 2 + 1) / length, energy)


def band_energies(of: Spectrum, edges: npt.ArrayLike) -> FloatArray:
    """Energy in the bands [e_0, e_1), ..., [e_k-1, e_k], the last one closed.

    Args:
        of: (..., frames, bins).
        edges: (bands + 1,) ascending, within 0..0.5 cycles per step.

    Returns:
        (..., frames, bands); with edges from 0 to 0.5 they sum to the energy of the windowed frame.
    """
    bounds = axes("edges", within("edges", edges, 0.0, 0.5), "edges", least=2)
    if bounds.ndim != 1 or (np.diff(bounds) <= 0).any():
        raise DataError(f"edges must be one ascending row, got the shape {bounds.shape}; sort them, each once")
    inside = (of.frequency >= bounds[:-1, None]) & (of.frequency < bounds[1:, None])
    inside[-1] |= of.frequency == bounds[-1]
    return np.asarray(of.energy @ inside.T.astype(np.float64))


@attrs.frozen
class Adsr:
    """An envelope of attack, decay, sustain and release; times in steps."""

    attack: float
    """A > 0: steps to level 1."""
    decay: float
    """D > 0: steps from 1 to the sustain level."""
    sustain: float
    """S: level, 0..1."""
    release: float
    """Rl > 0: steps from the end of the gate to 0."""
    gate: float
    """T > 0: steps that the event lasts."""

    def __attrs_post_init__(self) -> None:
        for name in ("attack", "decay", "release", "gate"):
            positive(name, getattr(self, name), "shorten it to a small positive time instead")
        within("sustain", self.sustain, 0.0, 1.0)

    def at(self, time: npt.ArrayLike) -> FloatArray:
        """The level 0..1 at any times in steps since the start; 0 before it."""
        t = finite("time", time)
        held = np.minimum(t, self.gate)
        fallen = 1.0 - (1.0 - self.sustain) * np.clip((held - self.attack) / self.decay, 0.0, 1.0)
        level = np.minimum(held / self.attack, fallen) * np.clip(1.0 - (t - self.gate) / self.release, 0.0, 1.0)
        return np.asarray(np.where(t < 0.0, 0.0, level))

    @property
    def area(self) -> float:
        """The integral of the level over all time, in steps; piecewise linear, so by trapezia between the joints."""
        joints = np.array([0.0, self.attack, self.attack + self.decay, self.gate])
        times = np.append(np.sort(np.minimum(joints, self.gate)), self.gate + self.release)
        level = self.at(times)
        return float(np.diff(times) @ (level[1:] + level[:-1]) / 2.0)


@attrs.frozen(eq=False)
class Affect:
    """A place in the plane of valence and arousal; each (...,)."""

    valence: FloatArray
    """-1..1."""
    arousal: FloatArray
    """-1..1."""
    angle_deg: FloatArray
    """atan2(arousal, valence), 0..360; NaN at the origin, which has no direction."""
    radius: FloatArray
    """Intensity >= 0."""


def affect(
    probabilities: npt.ArrayLike,
    labels: Sequence[str],
    coordinates: Mapping[str, tuple[float, float]] = COORDINATES,
) -> Affect:
    """Vector average of the coordinates of emotions.

    Args:
        probabilities: (..., emotions), sum 1.
        labels: Names of the emotions in the order of the probabilities.
        coordinates: Name to (valence, arousal), each -1..1.

    Raises:
        DataError: An emotion has no coordinates; the message names it.
    """
    unknown = sorted(set(labels) - set(coordinates))
    if unknown:
        raise DataError(
            f"no valence and arousal are known for {', '.join(unknown)} (known: {', '.join(sorted(coordinates))}); "
            "pass coordinates with a sourced or learned place for them"
        )
    if len(set(labels)) != len(labels) or not labels:
        raise DataError(f"labels must be distinct names, got {list(labels)}; name each emotion once")
    weights = distribution("emotion probabilities", probabilities, len(labels))
    place = weights @ within("coordinates", [coordinates[label] for label in labels], -1.0, 1.0)
    return affect_at(place[..., 0], place[..., 1])


def affect_at(valence: npt.ArrayLike, arousal: npt.ArrayLike) -> Affect:
    """Angle and radius of places in the plane; each -1..1."""
    v, a = within("valence", valence, -1.0, 1.0), within("arousal", arousal, -1.0, 1.0)
    _ = batch("valence and arousal", v.shape, a.shape)
    radius = np.hypot(v, a)
    angle = np.degrees(np.arctan2(a, v)) % 360.0
    return Affect(v, a, np.where(radius == 0.0, np.nan, angle), np.asarray(radius))
