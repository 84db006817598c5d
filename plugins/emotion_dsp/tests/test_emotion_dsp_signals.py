"""Signal processing against SciPy, quadrature and the vectors D1 to D13 by hand, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, signal
from torch import Tensor

from redheart_core import SettingsError
from redheart_emotion_dsp.signals import (
    adsr,
    adsr_area,
    all_pass,
    bin_energies,
    causal_filter,
    comb,
    comb_gain,
    hann,
    overlap_add,
    padded_for_overlap,
    resonator,
    stft,
    unit_gain,
)
from redheart_emotion_dsp.space import comb_bank

N16 = torch.arange(16, dtype=torch.float64)
TIMES = torch.tensor([0, 1, 2, 3, 4, 6, 8, 10, 11, 12.5, 15, 16], dtype=torch.float64)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def impulse(length: int) -> Tensor:
    return torch.eye(length, dtype=torch.float64)[0]


def d4() -> list[Tensor]:
    """Attack 2, decay 4, sustain 0.5, release 5, gate 10."""
    return [number(value) for value in (2.0, 4.0, 0.5, 5.0, 10.0)]


def test_d1_a_cosine_and_a_constant_without_a_window() -> None:
    x = 2 * torch.cos(2 * math.pi * 3 * N16 / 16 + 0.7) + 1
    energy = bin_energies(stft(x, torch.ones(16, dtype=torch.float64), 16), 16)[0]
    expected = torch.zeros(9, dtype=torch.float64)
    expected[0], expected[3] = 16, 32
    torch.testing.assert_close(energy, expected, atol=1e-12, rtol=0)
    assert energy.sum().item() == pytest.approx(48, abs=1e-12)


def test_d2_a_cosine_through_hann() -> None:
    x = 2 * torch.cos(2 * math.pi * 4 * N16 / 16)
    energy = bin_energies(stft(x, hann(16, x), 16), 16)[0]
    torch.testing.assert_close(
        energy, torch.tensor([0, 0, 0, 2, 8, 2, 0, 0, 0], dtype=torch.float64), atol=1e-12, rtol=0
    )


def test_d3_hann_windows_at_half_their_length_sum_to_one() -> None:
    window = hann(16, N16)
    torch.testing.assert_close(window[:8] + window[8:], torch.ones(8, dtype=torch.float64), atol=1e-15, rtol=0)
    np.testing.assert_allclose(window.numpy(), signal.windows.hann(16, sym=False), atol=1e-15)


@pytest.mark.parametrize(("size", "hop"), [(8, 4), (8, 3), (6, 6)])
def test_frames_are_those_of_scipy(size: int, hop: int) -> None:
    x = noise(29)
    window = signal.windows.hann(size, sym=False)
    _, _, expected = signal.stft(
        x.numpy(), window=window, nperseg=size, noverlap=size - hop, boundary=None, padded=False
    )
    got = stft(x, hann(size, x), hop)
    assert got.shape == (1 + (29 - size) // hop, size // 2 + 1)
    np.testing.assert_allclose(got.numpy().T, expected * window.sum(), atol=1e-12)


@pytest.mark.parametrize("size", [7, 8])
def test_bin_energies_sum_to_the_energy_of_the_frame(size: int) -> None:
    x = noise(3, size)
    window = hann(size, x)
    energy = bin_energies(stft(x, window, size), size).sum((-1, -2))
    torch.testing.assert_close(energy, (x * window).square().sum(-1))


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 9, 16])
def test_an_unchanged_spectrum_gives_the_signal_back(length: int) -> None:
    x = noise(2, length)
    spectrum = stft(padded_for_overlap(x, 8), hann(8, x), 4)
    torch.testing.assert_close(overlap_add(spectrum, 8, length), x, atol=1e-14, rtol=0)


def test_a_gain_at_all_frequencies_is_a_gain_of_the_signal() -> None:
    x = noise(2, 11)
    spectrum = stft(padded_for_overlap(x, 8), hann(8, x), 4)
    torch.testing.assert_close(overlap_add(3 * spectrum, 8, 11), 3 * x, atol=1e-13, rtol=0)


def test_a_signal_shorter_than_its_window_is_refused() -> None:
    with pytest.raises(SettingsError, match="a signal of 3 values is shorter than the window of 8"):
        stft(noise(3), hann(8, N16), 4)


def test_d4_the_envelope() -> None:
    expected = torch.tensor([0, 0.5, 1, 0.875, 0.75, 0.5, 0.5, 0.5, 0.4, 0.25, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(adsr(TIMES, *d4()).detach(), expected, atol=1e-12, rtol=0)
    assert adsr(number(-1), *d4()).item() == 0


def test_d5_the_area_of_the_envelope() -> None:
    assert adsr_area(number(16), *d4()).item() == pytest.approx(7.25, abs=1e-12)


@pytest.mark.parametrize(("t", "which", "slope"), [(8.0, 2, 1.0), (1.0, 0, -0.25), (12.5, 3, 0.05)])
def test_d6_slopes_of_the_envelope(t: float, which: int, slope: float) -> None:
    parameters = d4()
    adsr(number(t), *parameters).backward()  # type: ignore[no-untyped-call]
    gradient = parameters[which].grad
    assert gradient is not None
    assert gradient.item() == pytest.approx(slope, abs=1e-12)


def test_d7_release_begins_at_the_level_that_was_reached() -> None:
    t = torch.tensor([4, 6, 8, 10, 11], dtype=torch.float64)
    got = adsr(t, *(number(value) for value in (4.0, 4.0, 0.5, 5.0, 6.0))).detach()
    torch.testing.assert_close(got, torch.tensor([1, 0.75, 0.45, 0.15, 0], dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    "parameters", [(2, 4, 0.5, 5, 10), (4, 4, 0.5, 5, 6), (0.01, 0.1, 0.5, 0.5, 1), (3, 1, 0, 2, 1)]
)
def test_areas_are_integrals_of_the_envelope(parameters: tuple[float, ...]) -> None:
    attack, decay, sustain, release, gate = (number(value).detach() for value in parameters)
    joints = [attack, attack + decay, gate, gate + release]
    for end in (0.005, 0.5, 1.0, 3.0, 7.0, 12.0):
        points = sorted({joint.item() for joint in joints if joint.item() < end})

        def envelope(t: float) -> float:
            return adsr(number(t), attack, decay, sustain, release, gate).item()

        expected, _ = integrate.quad(envelope, 0, end, points=points or None, limit=200)
        got = adsr_area(number(end), attack, decay, sustain, release, gate).item()
        assert got == pytest.approx(expected, abs=1e-9)


def test_gradients_of_the_area_are_those_of_finite_differences() -> None:
    edges = torch.tensor([0.5, 1.7, 3.3, 9.1, 11.7], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *p: adsr_area(edges, *p), d4())


def test_d8_a_comb() -> None:
    got = comb(number(0.5), 3, 13).detach()
    np.testing.assert_allclose(got[::3].numpy(), [1, 0.5, 0.25, 0.125, 0.0625])
    assert not got[[n for n in range(13) if n % 3]].any()


def test_d9_an_all_pass() -> None:
    got = all_pass(number(0.5), 3, 13).detach()
    np.testing.assert_allclose(got[::3].numpy(), [-0.5, 0.75, 0.375, 0.1875, 0.09375])
    assert not got[[n for n in range(13) if n % 3]].any()


def test_d10_the_gain_of_a_decay_time() -> None:
    # 18 steps of a tenth of a second
    assert comb_gain(number(18), 3).item() == pytest.approx(0.316227766017, abs=1e-12)


@pytest.mark.parametrize("frequency", [0.0, 0.1234, 0.25, 0.5])
def test_d11_an_all_pass_has_gain_one(frequency: float) -> None:
    response = all_pass(number(0.5), 3, 240).detach().numpy()
    gain = abs(np.sum(response * np.exp(-2j * np.pi * frequency * np.arange(240))))
    assert gain == pytest.approx(1, abs=1e-12)


def test_d12_a_resonator() -> None:
    radius, angle = number(0.9).detach(), number(math.pi / 3).detach()
    got = resonator(radius, angle, 6) / unit_gain(radius, angle)
    np.testing.assert_allclose(got.numpy(), [1, 0.9, 0, -0.729, -0.6561, 0], atol=1e-12)


def test_d13_unit_gain_and_the_peak() -> None:
    radius, angle = 0.9, math.pi / 3
    b0 = unit_gain(number(radius), number(angle)).item()
    assert b0 == pytest.approx(0.164620776332, abs=1e-12)
    peak = math.acos((1 + radius**2) / (2 * radius) * math.cos(angle))
    assert peak == pytest.approx(1.043987068757, abs=1e-12)
    response = resonator(number(radius), number(angle), 800).detach().numpy()

    def gain(w: float) -> float:
        return float(abs(np.sum(response * np.exp(-1j * w * np.arange(800)))))

    assert gain(angle) == pytest.approx(1, abs=1e-12)
    assert gain(peak) / b0 == pytest.approx(6.077371254628, abs=1e-9)
    assert max(gain(peak - 1e-4), gain(peak + 1e-4)) < gain(peak)


@pytest.mark.parametrize(
    ("response", "numerator", "denominator"),
    [
        (comb(number(0.6), 2, 20), [1], [1, 0, -0.6]),
        (all_pass(number(0.7), 1, 20), [-0.7, 1], [1, -0.7]),
        (
            resonator(number(0.8), number(1.1), 20),
            [float(unit_gain(number(0.8), number(1.1)).detach())],
            [1, -1.6 * math.cos(1.1), 0.64],
        ),
    ],
    ids=["comb", "all-pass", "resonator"],
)
def test_filters_are_those_of_scipy(response: Tensor, numerator: list[float], denominator: list[float]) -> None:
    x = noise(3, 20)
    got = causal_filter(x, response.expand_as(x)).detach()
    np.testing.assert_allclose(got.numpy(), signal.lfilter(numerator, denominator, x.numpy()), atol=1e-12)


def test_a_filter_of_one_step_is_a_gain() -> None:
    torch.testing.assert_close(
        causal_filter(noise(2, 1), torch.full((2, 1), 3.0, dtype=torch.float64)), 3 * noise(2, 1)
    )


def test_the_bank_is_the_weighted_mean_of_combs_with_one_decay_time() -> None:
    weights = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)
    decay_time = torch.tensor([[4.0, 9.0]], dtype=torch.float64)
    got = comb_bank(weights, decay_time, 25)
    for emotion in range(2):
        expected = np.zeros(25)
        for delay in (1, 2, 3):
            gain = 10 ** (-3 * delay / decay_time[0, emotion].item())
            recursion = [1.0, *[0.0] * (delay - 1), -gain]
            expected += weights[0, delay - 1].item() * signal.lfilter([1], recursion, impulse(25).numpy())
        np.testing.assert_allclose(got[0, emotion].numpy(), expected, atol=1e-12)
