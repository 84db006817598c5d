"""Signal processing of trajectories: vectors by hand, SciPy, and its invariants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, signal

from redheart_core import DataError
from redheart_core.exact import trajectory
from redheart_core.exact.trajectory import Adsr

PLAIN = Adsr(2, 4, 0.5, 5, 10)
EARLY = Adsr(4, 4, 0.5, 5, 6)
EMOTIONS = ("joy", "anger", "surprise", "disgust", "sadness", "shame", "fear")
N = np.arange(16)


def slope(of: str, at: float, step: float = 1e-5) -> float:
    """Central difference of the envelope D4 in one of its parameters."""

    def level(change: float) -> float:
        numbers = {"attack": 2.0, "decay": 4.0, "sustain": 0.5, "release": 5.0, "gate": 10.0}
        numbers[of] += change
        return float(Adsr(**numbers).at(at))

    return (level(step) - level(-step)) / (2 * step)


def place(p: Any) -> Any:
    return trajectory.affect(p, EMOTIONS)


def energies(x: Any, window: str) -> Any:
    energy = trajectory.spectrum(x, 16, 8, window).energy[0]
    return [*energy, energy.sum()]


VECTORS: list[tuple[str, Callable[[], Any], Any, float]] = [
    (
        "D1",
        lambda: energies(2 * np.cos(2 * np.pi * 3 * N / 16 + 0.7) + 1, "rectangular"),
        [16, 0, 0, 32, 0, 0, 0, 0, 0, 48],
        1e-9,
    ),
    ("D2", lambda: energies(2 * np.cos(2 * np.pi * 4 * N / 16), "hann"), [0, 0, 0, 2, 8, 2, 0, 0, 0, 12], 1e-9),
    ("D3", lambda: trajectory.window("hann", 16)[:8] + trajectory.window("hann", 16)[8:], np.ones(8), 1e-12),
    (
        "D4",
        lambda: PLAIN.at([0, 1, 2, 3, 4, 6, 8, 10, 11, 12.5, 15, 16]),
        [0, 0.5, 1, 0.875, 0.75, 0.5, 0.5, 0.5, 0.4, 0.25, 0, 0],
        1e-12,
    ),
    ("D5", lambda: PLAIN.area, 7.25, 1e-12),
    ("D6", lambda: (slope("sustain", 8), slope("attack", 1), slope("release", 12.5)), (1, -0.25, 0.05), 1e-9),
    ("D7", lambda: EARLY.at([4, 6, 8, 10, 11]), [1, 0.75, 0.45, 0.15, 0], 1e-12),
    (
        "D14",
        lambda: ((a := place(np.full(7, 1 / 7))).valence, a.arousal),
        (-0.255714285714, 0.347142857143),
        1e-9,
    ),
    ("D15", lambda: ((a := place(np.eye(7)[0])).angle_deg, a.radius), (32.28, 0.8989), 0.005),
]


@pytest.mark.parametrize(("value", "expected", "within"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any, within: float) -> None:
    np.testing.assert_allclose(value(), expected, rtol=0, atol=within)


@pytest.mark.parametrize(("length", "hop"), [(16, 8), (15, 4), (1, 1), (2, 3)])
@pytest.mark.parametrize("name", trajectory.WINDOWS)
def test_band_energies_sum_to_the_windowed_energy_of_each_frame(length: int, hop: int, name: str) -> None:
    x = np.random.default_rng(1).normal(size=(3, 40))
    found = trajectory.spectrum(x, length, hop, name)
    frames = 1 + (40 - length) // hop
    assert found.energy.shape == (3, frames, length // 2 + 1)
    weights = trajectory.window(name, length)
    direct = [[(x[b, m * hop : m * hop + length] * weights) @ (x[b, m * hop : m * hop + length] * weights)
               for m in range(frames)] for b in range(3)]  # fmt: skip
    bands = trajectory.band_energies(found, [0, 0.1, 0.25, 0.5])
    np.testing.assert_allclose(bands.sum(-1), direct, atol=1e-12)


def test_the_spectrum_is_that_of_scipy() -> None:
    x = np.random.default_rng(2).normal(size=50)
    found = trajectory.spectrum(x, 16, 4)
    weights = signal.get_window("hann", 16)
    assert weights == pytest.approx(trajectory.window("hann", 16), abs=1e-15)
    frequency, _, power = signal.spectrogram(
        x, window=weights, nperseg=16, noverlap=12, detrend=False, scaling="density"
    )
    np.testing.assert_allclose(found.energy.T, power * (weights**2).sum() / 16, atol=1e-12)
    np.testing.assert_array_equal(found.frequency, frequency)


def test_bands_are_half_open_and_the_last_is_closed_also_for_decimal_edges() -> None:
    x = np.cos(2 * np.pi * 3 * np.arange(10) / 10)
    found = trajectory.spectrum(x, 10, 10, "rectangular")
    np.testing.assert_allclose(trajectory.band_energies(found, [0, 0.3, 0.5])[0], [0, 5], atol=1e-12)
    np.testing.assert_allclose(trajectory.band_energies(found, [0, 0.2, 0.3])[0], [0, 5], atol=1e-12)


@pytest.mark.parametrize("adsr", [PLAIN, EARLY, Adsr(8, 3, 0.2, 4, 5), Adsr(1e-3, 1e-3, 1.0, 1e-3, 7)])
def test_the_area_of_an_envelope_is_its_integral_and_the_release_starts_where_the_gate_ends(adsr: Adsr) -> None:
    joints = sorted({adsr.attack, adsr.attack + adsr.decay, adsr.gate})
    end = adsr.gate + adsr.release
    by_quadrature = integrate.quad(lambda t: float(adsr.at(t)), 0, end, points=[j for j in joints if j < end])[0]
    assert adsr.area == pytest.approx(by_quadrature, abs=1e-8)
    before, after = adsr.at([adsr.gate - 1e-9, adsr.gate + 1e-9])
    assert after == pytest.approx(before, abs=1e-5)
    level = adsr.at(np.linspace(-1, end + 1, 999))
    assert 0.0 <= level.min() <= level.max() <= 1.0
    assert (adsr.at([-1.0, -1e-9]) == 0).all()


def test_affect_is_a_vector_average_by_name_in_any_order() -> None:
    p = np.random.default_rng(6).dirichlet(np.ones(7), 5)
    found = trajectory.affect(p, EMOTIONS)
    turned = trajectory.affect(p[:, ::-1], EMOTIONS[::-1])
    np.testing.assert_allclose(found.valence, turned.valence, atol=1e-14)
    np.testing.assert_allclose(found.radius, np.hypot(found.valence, found.arousal), atol=1e-14)
    np.testing.assert_allclose(found.radius * np.sin(np.radians(found.angle_deg)), found.arousal, atol=1e-14)


def test_the_table_of_coordinates_has_the_printed_angles_and_anger_is_next_to_fear() -> None:
    angles = {"joy": 32.28, "anger": 130.84, "surprise": 59.16, "disgust": 149.74, "sadness": 203.20}
    angles |= {"shame": 178.99, "fear": 136.85}
    for number, name in enumerate(EMOTIONS):
        assert float(place(np.eye(7)[number]).angle_deg) == pytest.approx(angles[name], abs=0.006)
    distance = math.dist(trajectory.COORDINATES["anger"], trajectory.COORDINATES["fear"])
    assert distance == pytest.approx(0.130384048104, abs=1e-12)


def test_the_origin_has_no_angle() -> None:
    assert math.isnan(float(trajectory.affect_at(0.0, 0.0).angle_deg))


def test_trust_can_be_given_a_place() -> None:
    coordinates = {**trajectory.COORDINATES, "trust": (0.5, -0.1)}
    assert float(trajectory.affect([1.0], ["trust"], coordinates).valence) == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trajectory.spectrum([], 4, 2), r"trajectory needs the shape \(\.\.\., T >= 1\), got \(0,\)"),
        (lambda: trajectory.spectrum([1, 2, 3], 4, 2), "a frame needs 4 steps, the trajectory has 3; shorten"),
        (lambda: trajectory.spectrum([1, math.nan, 3], 2, 2), "trajectory must be finite, got nan at 1"),
        (lambda: trajectory.spectrum([1, 2, 3], 2, 0), "hop must be at least 1, got 0"),
        (
            lambda: trajectory.spectrum([1, 2, 3], 2, 1, "kaiser"),
            "window must be one of hann, rectangular, got 'kaiser'",
        ),
        (lambda: trajectory.band_energies(trajectory.spectrum(N, 8, 4), [0.3, 0.1]), "edges must be one ascending row"),
        (
            lambda: trajectory.band_energies(trajectory.spectrum(N, 8, 4), [0, 4.0]),
            r"edges must lie in 0\.\.0\.5, got 4",
        ),
        (lambda: Adsr(0, 4, 0.5, 5, 10), "attack must be above 0, got 0"),
        (lambda: Adsr(2, 4, 1.5, 5, 10), r"sustain must lie in 0\.\.1, got 1\.5"),
        (lambda: PLAIN.at(math.nan), "time must be finite, got nan"),
        (lambda: trajectory.affect([1.0], ["trust"]), "no valence and arousal are known for trust .*pass coordinates"),
        (lambda: trajectory.affect([0.5, 0.5], ["joy", "joy"]), "labels must be distinct names"),
        (lambda: trajectory.affect([0.5, 0.5], EMOTIONS), "emotion probabilities needs 7 probabilities"),
        (lambda: trajectory.affect_at([0.1, 0.2], [0.1, 0.2, 0.3]), "valence and arousal must have equal"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
