"""Filters against their recursions, closed forms and SciPy's frequency response."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import signal

from redheart_core import DataError
from redheart_core.exact import filters


def impulse(length: int) -> Any:
    return np.eye(1, length)[0]


VECTORS: list[tuple[str, Callable[[], Any], Any, float]] = [
    ("D8", lambda: filters.comb(impulse(13), 0.5, 3)[::3], [1, 0.5, 0.25, 0.125, 0.0625], 1e-12),
    ("D9", lambda: filters.allpass(impulse(13), 0.5, 3)[::3], [-0.5, 0.75, 0.375, 0.1875, 0.09375], 1e-12),
    (
        "D11",
        lambda: np.abs(signal.freqz(filters.allpass(impulse(400), 0.5, 3), worN=np.linspace(0, math.pi, 50))[1]),
        np.ones(50),
        1e-12,
    ),
    (
        "D12",
        lambda: filters.Resonator(0.9, math.pi / 3, 1.0).filter(impulse(6)),
        [1, 0.9, 0, -0.729, -0.6561, 0],
        1e-12,
    ),
    (
        "D13",
        lambda: ((unit := filters.unit_gain_resonator(0.9, math.pi / 3)).b0, unit.peak_frequency),
        (0.164620776332, 1.043987068757),
        1e-9,
    ),
]


@pytest.mark.parametrize(("value", "expected", "within"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any, within: float) -> None:
    np.testing.assert_allclose(value(), expected, rtol=0, atol=within)


def direct(x: Any, feedforward: Any, gain: float, delay: int) -> Any:
    y = np.zeros_like(x)
    for n in range(len(x)):
        back, echo = (x[n - delay], y[n - delay]) if n >= delay else (0.0, 0.0)
        y[n] = feedforward(x[n], back) + gain * echo
    return y


def test_combs_and_allpasses_are_their_recursions() -> None:
    x = np.random.default_rng(3).normal(size=60)
    np.testing.assert_allclose(filters.comb(x, -0.7, 4), direct(x, lambda now, _: now, -0.7, 4), atol=1e-12)
    expected = direct(x, lambda now, back: -0.6 * now + back, 0.6, 5)
    np.testing.assert_allclose(filters.allpass(x, 0.6, 5), expected, atol=1e-12)


def test_an_allpass_keeps_the_energy_and_a_reverb_is_the_mean_of_combs_then_allpasses() -> None:
    x = np.zeros((2, 4000))
    x[:, :50] = np.random.default_rng(4).normal(size=(2, 50))
    assert (filters.allpass(x, 0.7, 7) ** 2).sum() == pytest.approx((x**2).sum(), rel=1e-12)
    wet = filters.schroeder_reverb(x, [(0.8, 5), (0.7, 7)], [(0.5, 3), (0.4, 2)])
    mean = (filters.comb(x, 0.8, 5) + filters.comb(x, 0.7, 7)) / 2
    np.testing.assert_allclose(wet, filters.allpass(filters.allpass(mean, 0.4, 2), 0.5, 3), atol=1e-12)


@pytest.mark.parametrize(("radius", "angle"), [(0.9, 1.0), (0.5, 0.2), (0.5, 3.0), (0.99, 2.0)])
def test_a_resonator_is_the_closed_form_and_peaks_where_it_says(radius: float, angle: float) -> None:
    unit, n = filters.unit_gain_resonator(radius, angle), np.arange(40)
    expected = unit.b0 * radius**n * np.sin((n + 1) * angle) / np.sin(angle)
    np.testing.assert_allclose(unit.filter(impulse(40)), expected, atol=1e-12)
    grid = np.append(np.linspace(0, math.pi, 20001), angle)
    magnitude = np.abs(signal.freqz([unit.b0], unit.denominator, worN=grid)[1])
    assert magnitude[-1] == pytest.approx(1.0, abs=1e-12)
    assert unit.peak_frequency == pytest.approx(grid[magnitude.argmax()], abs=2e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filters.comb([1.0], 1.0, 3), r"keep \|gain\| below 1, or the filter never fades"),
        (lambda: filters.comb([1.0], 0.5, 0), "delay must be at least 1, got 0"),
        (lambda: filters.comb([1.0], 0.5, 1.5), "delay must be whole numbers, got 1.5"),
        (lambda: filters.comb([], 0.5, 1), r"signal needs the shape \(\.\.\., T >= 1\), got \(0,\)"),
        (lambda: filters.allpass([math.inf], 0.5, 1), "signal must be finite, got inf"),
        (lambda: filters.schroeder_reverb([1.0], [], []), "at least one comb, got none"),
        (lambda: filters.Resonator(1.0, 1.0, 1.0), "keep the pole inside the unit circle"),
        (lambda: filters.unit_gain_resonator(0.5, 4.0), "keep the angle inside"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
