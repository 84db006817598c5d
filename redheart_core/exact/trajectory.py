"""Signal processing of an emotion trajectory: spectra, envelopes, reverb, resonance, affect (reference section 7).

A trajectory has one value per step (sentence or turn) on its last axis; frequencies are in cycles per step, 0..0.5,
unless a sampling rate is named. Filters start at rest.
"""

from __future__ import annotations

import math
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
    """Short-time Fourier energies without padding: 1 + floor((T - length) / hop) frames (section 7.1).

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
        """The level 0..1 at any times in steps since the start; 0 before it (section 7.2)."""
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


def comb_gain(delay: int, sampling_rate: float, reverb_time_s: float) -> float:
    """g = 10^(-3 M / (fs RT60)): the gain with which a comb falls by 60 dB in that time, in 0..1."""
    steps, rate = int(whole("delay", delay, 1)), positive("sampling_rate", sampling_rate)
    return float(10.0 ** (-3.0 * steps / (rate * positive("reverb_time_s", reverb_time_s))))


def comb(signal: npt.ArrayLike, gain: float, delay: int) -> FloatArray:
    """Feedback comb y[n] = x[n] + g y[n - M] along the last axis; |g| < 1, M >= 1 steps."""
    g, steps = _gain_and_delay(gain, delay)
    return _filter(signal, np.ones(1), _at_delay(1.0, -g, steps))


def allpass(signal: npt.ArrayLike, gain: float, delay: int) -> FloatArray:
    """All-pass y[n] = -g x[n] + x[n - M] + g y[n - M] along the last axis; |g| < 1, M >= 1 steps, |H| = 1."""
    g, steps = _gain_and_delay(gain, delay)
    return _filter(signal, _at_delay(-g, 1.0, steps), _at_delay(1.0, -g, steps))


def schroeder_reverb(
    signal: npt.ArrayLike, combs: Sequence[tuple[float, int]], allpasses: Sequence[tuple[float, int]]
) -> FloatArray:
    """Mean of parallel combs, then all-passes one after the other, along the last axis; each (gain, delay)."""
    if not combs:
        raise DataError("schroeder_reverb needs at least one comb, got none; give (gain, delay) pairs")
    wet = np.mean([comb(signal, gain, delay) for gain, delay in combs], axis=0)
    for gain, delay in allpasses:
        wet = allpass(wet, gain, delay)
    return np.asarray(wet)


@attrs.frozen
class Resonator:
    """b0 / (1 - 2 r cos(theta) z^-1 + r^2 z^-2)."""

    radius: float
    """r in 0..1 without the ends."""
    angle: float
    """theta in rad per step, 0..pi without the ends."""
    b0: float
    """Input gain."""

    def __attrs_post_init__(self) -> None:
        positive("radius and 1 - radius", [self.radius, 1.0 - self.radius], "keep the pole inside the unit circle")
        positive("angle and pi - angle", [self.angle, math.pi - self.angle], "keep the angle inside 0..pi")
        finite("b0", self.b0)

    @property
    def denominator(self) -> FloatArray:
        """(3,) coefficients of z^0, z^-1, z^-2."""
        return np.array([1.0, -2.0 * self.radius * math.cos(self.angle), self.radius**2])

    @property
    def peak_frequency(self) -> float:
        """rad per step, 0..pi: where |H| is largest, cos w = (1 + r^2) cos(theta) / (2 r), an end if beyond it."""
        cosine = (1.0 + self.radius**2) / (2.0 * self.radius) * math.cos(self.angle)
        return math.acos(min(max(cosine, -1.0), 1.0))

    def magnitude(self, frequency: npt.ArrayLike) -> FloatArray:
        """|H| at frequencies in rad per step."""
        delay = np.exp(-1j * finite("frequency", frequency))
        return np.asarray(abs(self.b0) / np.abs(np.polynomial.polynomial.polyval(delay, self.denominator)))

    def filter(self, signal: npt.ArrayLike) -> FloatArray:
        """The response along the last axis."""
        return _filter(signal, np.array([self.b0]), self.denominator)


def unit_gain_resonator(radius: float, angle: float) -> Resonator:
    """The resonator with |H| = 1 at its angle: b0 = (1 - r) sqrt(1 - 2 r cos 2 theta + r^2)."""
    return Resonator(radius, angle, (1.0 - radius) * math.sqrt(1.0 - 2.0 * radius * math.cos(2.0 * angle) + radius**2))


def frequency_sampled(
    signal: npt.ArrayLike, numerator: npt.ArrayLike, denominator: npt.ArrayLike, length: int
) -> FloatArray:
    """Y = X H on `length` frequencies: as the recursion, with an impulse response that wraps around.

    Args:
        signal: (..., T) with T <= length.
        numerator: (b,) coefficients of z^0, z^-1, ...
        denominator: (a,) likewise, its poles inside the unit circle.
        length: L; `wrap_length` says which is enough for a comb.

    Returns:
        (..., length), where h_L[n] = sum over m of h[n + m L].
    """
    x = axes("signal", finite("signal", signal), "T")
    b, a = (np.atleast_1d(finite(name, v)) for name, v in (("numerator", numerator), ("denominator", denominator)))
    size = int(whole("length", length, max(x.shape[-1], len(b), len(a))))
    below = np.fft.rfft(a, size)
    if (below == 0).any():
        raise DataError("the denominator has a pole on the unit circle; keep the gain below 1")
    return np.asarray(np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(b, size) / below, size))


def wrap_length(gain: float, delay: int, rest: float = 1e-6) -> int:
    """The least multiple L of the delay M with |g|^(L / M) < rest: what of a comb wraps around is less than that."""
    g, steps = _gain_and_delay(gain, delay)
    part = float(within("rest", positive("rest", rest), 0.0, 1.0))
    times = 1 if g == 0 else max(1, math.ceil(math.log(part) / math.log(abs(g))))
    while abs(g) ** times >= part:
        times += 1
    return times * steps


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
    """Vector average of the coordinates of emotions (section 7.4).

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


def _gain_and_delay(gain: float, delay: int) -> tuple[float, int]:
    g = float(within("gain", gain, -1.0, 1.0))
    positive("1 - |gain|", 1.0 - abs(g), "keep |gain| below 1, or the filter never fades")
    return g, int(whole("delay", delay, 1))


def _at_delay(first: float, last: float, delay: int) -> FloatArray:
    """first + last z^-delay as coefficients."""
    row = np.zeros(delay + 1)
    row[0], row[-1] = first, last
    return row


def _filter(signal: npt.ArrayLike, numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    from scipy.signal import lfilter  # over a second, which spectra, envelopes and affect do not need

    x = axes("signal", finite("signal", signal), "T")
    return np.asarray(lfilter(numerator, denominator, x))
