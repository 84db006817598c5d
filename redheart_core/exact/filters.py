"""Filters of a trajectory along its last axis, which start at rest: Schroeder's reverb (1962), and a resonator.

A trajectory has one value per step (sentence or turn); frequencies are in radians per step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, finite, positive, whole, within


def comb(signal: npt.ArrayLike, gain: float, delay: float) -> FloatArray:
    """Feedback comb y[n] = x[n] + g y[n - M] along the last axis; |g| < 1, M >= 1 steps."""
    g, steps = _gain_and_delay(gain, delay)
    return _filter(signal, np.ones(1), _at_delay(1.0, -g, steps))


def allpass(signal: npt.ArrayLike, gain: float, delay: float) -> FloatArray:
    """All-pass y[n] = -g x[n] + x[n - M] + g y[n - M] along the last axis; |g| < 1, M >= 1 steps, |H| = 1."""
    g, steps = _gain_and_delay(gain, delay)
    return _filter(signal, _at_delay(-g, 1.0, steps), _at_delay(1.0, -g, steps))


def schroeder_reverb(
    signal: npt.ArrayLike, combs: Sequence[tuple[float, float]], allpasses: Sequence[tuple[float, float]]
) -> FloatArray:
    """Mean of parallel combs, then all-passes one after the other, along the last axis.

    Each is (gain, delay), the delay a whole number of steps.
    """
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

    def filter(self, signal: npt.ArrayLike) -> FloatArray:
        """The response along the last axis."""
        return _filter(signal, np.array([self.b0]), self.denominator)


def unit_gain_resonator(radius: float, angle: float) -> Resonator:
    """The resonator with |H| = 1 at its angle: b0 = (1 - r) sqrt(1 - 2 r cos 2 theta + r^2)."""
    plain = Resonator(radius, angle, 1.0)
    return attrs.evolve(plain, b0=(1.0 - radius) * math.sqrt(1.0 - 2.0 * radius * math.cos(2.0 * angle) + radius**2))


def _gain_and_delay(gain: float, delay: float) -> tuple[float, int]:
    g = float(within("gain", gain, -1.0, 1.0))
    positive("1 - |gain|", 1.0 - abs(g), "keep |gain| below 1, or the filter never fades")
    return g, int(whole("delay", delay, 1))


def _at_delay(first: float, last: float, delay: int) -> FloatArray:
    """first + last z^-delay as coefficients."""
    row = np.zeros(delay + 1)
    row[0], row[-1] = first, last
    return row


def _filter(signal: npt.ArrayLike, numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    from scipy.signal import lfilter  # over a second, which only filters need

    x = axes("signal", finite("signal", signal), "T")
    return np.asarray(lfilter(numerator, denominator, x))
