"""Differentiable signal processing along the last axis, one value per chunk, of any float dtype.

Frequencies are in cycles per chunk, 0..0.5, times in chunks. Definitions are those
of redheart_core.exact.trajectory and redheart_core.exact.filters.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from redheart_core import SettingsError


def hann(size: int, like: Tensor) -> Tensor:
    """The periodic Hann window 0.5 - 0.5 cos(2 pi n / N), (N,), in the dtype of another tensor."""
    return 0.5 - 0.5 * torch.cos(torch.arange(size, dtype=like.dtype, device=like.device) * (2 * math.pi / size))


def stft(x: Tensor, window: Tensor, hop: int) -> Tensor:
    """FFT of the windowed frames x[m hop : m hop + N], no padding: (..., n) to complex (..., frames, N / 2 + 1)."""
    if x.shape[-1] < len(window):
        raise SettingsError(f"a signal of {x.shape[-1]} values is shorter than the window of {len(window)}; pad it")
    spectrum: Tensor = torch.fft.rfft(x.unfold(-1, len(window), hop) * window)
    return spectrum


def bin_energies(spectrum: Tensor, size: int) -> Tensor:
    """One-sided energy |X_k|^2 / N, doubled but at k = 0 and, for even N, k = N / 2; the sum is that of (x w)^2."""
    energy = (spectrum.real.square() + spectrum.imag.square()) / size
    twice = torch.full_like(energy[..., :1, :], 2.0)
    twice[..., 0] = 1.0
    if size % 2 == 0:
        twice[..., -1] = 1.0
    return energy * twice


def padded_for_overlap(x: Tensor, size: int) -> Tensor:
    """Zeros around a signal, N / 2 in front and as many behind as let two frames at hop N / 2 meet every value."""
    hop = size // 2
    return F.pad(x, (hop, hop + -x.shape[-1] % hop))


def overlap_add(spectrum: Tensor, size: int, length: int) -> Tensor:
    """Back from frames at hop N / 2 of a signal padded for overlap: (..., frames, N / 2 + 1) to (..., length).

    The periodic Hann window at hop N / 2 sums to one, so an unchanged spectrum gives the signal back.
    """
    frames: Tensor = torch.fft.irfft(spectrum, n=size)
    hop = size // 2
    early, late = frames[..., :hop].flatten(-2), frames[..., hop:].flatten(-2)
    return early[..., hop : hop + length] + late[..., :length]


def adsr(t: Tensor, attack: Tensor, decay: Tensor, sustain: Tensor, release: Tensor, gate: Tensor) -> Tensor:
    """The envelope at times t: linear attack to 1, decay to sustain, release from the level at the gate's end.

    on(t) = min(t / A, 1 - (1 - S) clip((t - A) / D, 0, 1)); env(t) = on(min(t, T)) clip(1 - (t - T) / R, 0, 1),
    0 before t = 0. All arguments broadcast; times > 0, sustain 0..1.
    """
    held = torch.minimum(t, gate)
    on = torch.minimum(held / attack, 1 - (1 - sustain) * ((held - attack) / decay).clamp(0, 1))
    return torch.where(t < 0, torch.zeros_like(on), on * (1 - (t - gate) / release).clamp(0, 1))


def adsr_area(t: Tensor, attack: Tensor, decay: Tensor, sustain: Tensor, release: Tensor, gate: Tensor) -> Tensor:
    """The integral of adsr from 0 to t >= 0, in closed form.

    The mean over a chunk is a difference of two areas. Unlike a value at one moment it feels an attack
    of a hundredth of a chunk, and has a gradient for it.
    """
    held = torch.minimum(t, gate)
    rise = torch.minimum(held, attack)
    after = (held - attack).clamp(min=0)
    fall = torch.minimum(after, decay)
    on = rise.square() / (2 * attack) + fall - (1 - sustain) * fall.square() / (2 * decay) + sustain * (after - fall)
    tail = torch.minimum((t - gate).clamp(min=0), release)
    return on + adsr(gate, attack, decay, sustain, release, gate) * (tail - tail.square() / (2 * release))


def comb(gain: Tensor, delay: int, length: int) -> Tensor:
    """Impulse response of y[n] = x[n] + g y[n - M]: g^k at n = k M, (..., length) for a gain (...), 0 < g < 1."""
    n = torch.arange(length, device=gain.device)
    return torch.where(n % delay == 0, gain.unsqueeze(-1) ** (n // delay), 0.0)


def all_pass(gain: Tensor, delay: int, length: int) -> Tensor:
    """Impulse response of y[n] = -g x[n] + x[n - M] + g y[n - M]: -g, then (1 - g^2) g^(k-1) at n = k M."""
    n = torch.arange(length, device=gain.device)
    g = gain.unsqueeze(-1)
    later = torch.where((n % delay == 0) & (n > 0), (1 - g.square()) * g ** (n // delay - 1).clamp(min=0), 0.0)
    return torch.where(n == 0, -g, later)


def comb_gain(decay_time: Tensor, delay: Tensor | int) -> Tensor:
    """Gain of a comb that falls by 60 dB in a time: g = 10^(-3 M / RT60), delay and RT60 in chunks."""
    return torch.exp(-3 * math.log(10) * delay / decay_time)


def resonator(radius: Tensor, angle: Tensor, length: int) -> Tensor:
    """Impulse response of b0 / (1 - 2 r cos(theta) z^-1 + r^2 z^-2): b0 r^n sin((n + 1) theta) / sin(theta).

    b0 = (1 - r) sqrt(1 - 2 r cos(2 theta) + r^2) gives unit gain at theta; 0 < r < 1, 0 < theta < pi.
    """
    n = torch.arange(length, dtype=radius.dtype, device=radius.device)
    r, theta = radius.unsqueeze(-1), angle.unsqueeze(-1)
    return unit_gain(r, theta) * r**n * torch.sin((n + 1) * theta) / torch.sin(theta)


def unit_gain(radius: Tensor, angle: Tensor) -> Tensor:
    """b0 for which the resonator has gain 1 at its angle."""
    return (1 - radius) * torch.sqrt(1 - 2 * radius * torch.cos(2 * angle) + radius.square())


def causal_filter(x: Tensor, response: Tensor) -> Tensor:
    """y[n] = sum over m <= n of h[m] x[n - m]: (..., n) and (..., n) to (..., n).

    Exact linear convolution by FFT of twice the length, so that nothing wraps around; a recursive filter
    is meant by its impulse response, of which no more than n values can matter.
    """
    length = x.shape[-1]
    product = torch.fft.rfft(x, 2 * length) * torch.fft.rfft(response, 2 * length)
    longer: Tensor = torch.fft.irfft(product, 2 * length)
    return longer[..., :length]
