"""Simulated signals of the focus person: brain, heart, skin, face and voice follow affect, with noise."""

from __future__ import annotations

import functools
import random

import numpy as np
from numpy.typing import NDArray

from redheart_village.affect import Affect
from redheart_village.templates import EEG_RATE, GSR_RATE, Templates, Wave, templates

Array32 = NDArray[np.float32]

SAMPLES = 128
ECG_RATE = 32
FACE = 16
FRAMES = 64
MELS = 18


def signal_fields(affect: Affect, rng: random.Random) -> dict[str, object]:
    """All signals of one person: time or frames by channel, and a picture.

    Args:
        affect: Of the person, in the order of AFFECT.
        rng: Seeds the noise.

    Raises:
        PluginError: NeuroKit2 is not installed.
    """
    waves = templates()
    noise = np.random.default_rng(int(rng.random() * 2**53))
    valence, arousal, dominance, _, surprise, _ = affect
    return {
        "eeg": _whole(eeg(waves, valence, arousal, noise)),
        "ecg": _whole(ecg(waves, heart_rate(arousal, noise), noise)),
        "gsr": _whole(gsr(waves, arousal, surprise, noise)),
        "image": _whole(face(valence, arousal, dominance, noise)[None]),
        "audio": _whole(voice(valence, arousal, noise)),
    }


def heart_rate(arousal: float, noise: np.random.Generator) -> float:
    """Beats a minute: 75 at rest, 30 more or less with arousal, and the person's own."""
    return float(75.0 + 30.0 * arousal + 5.0 * noise.standard_normal())


def eeg(waves: Templates, valence: float, arousal: float, noise: np.random.Generator) -> Wave:
    """(128, 32) in 50 uV over one second: alpha falls with arousal, beta rises, and alpha leans to the right half
    of the channels with valence (frontal asymmetry)."""
    side = np.where(np.arange(32) < 16, -1.0, 1.0)
    sizes = {
        "theta": np.full(32, 0.4),
        "alpha": 0.5 * (1.0 - 0.4 * arousal) * (1.0 + 0.4 * valence * side),
        "beta": np.full(32, 0.25 * (1.0 + 0.6 * arousal)),
    }
    signal = 0.15 * noise.standard_normal((SAMPLES, 32))
    for band, size in sizes.items():
        wave = waves.bands[band]
        starts = noise.integers(0, len(wave) - EEG_RATE, 32)
        signal += size * wave[starts[None, :] + np.arange(SAMPLES)[:, None]]
    return signal


def ecg(waves: Templates, rate: float, noise: np.random.Generator) -> Wave:
    """(128, 12) in mV over four seconds at a heart rate in beats a minute."""
    phase = noise.random() + np.arange(SAMPLES) / ECG_RATE * rate / 60.0
    place = ((phase % 1.0) * len(waves.beat)).astype(int)
    signal: Wave = waves.beat[place] + 0.03 * noise.standard_normal((SAMPLES, 12))
    return signal


def gsr(waves: Templates, arousal: float, surprise: float, noise: np.random.Generator) -> Wave:
    """(128, 4) in 10 uS over sixteen seconds: level and number of responses by arousal, their size by surprise."""
    level = 0.5 + 0.25 * arousal
    signal = np.full(SAMPLES + len(waves.response), level)
    for _ in range(noise.poisson(2.0 * (1.0 + 0.8 * arousal))):
        begin = int(noise.integers(0, SAMPLES - 2 * GSR_RATE))
        size = 0.12 * (1.3 + surprise) * (0.7 + 0.6 * noise.random())
        signal[begin : begin + len(waves.response)] += size * waves.response
    gain = 1.0 + 0.1 * noise.standard_normal(4)
    return signal[:SAMPLES, None] * gain + 0.01 * noise.standard_normal((SAMPLES, 4))


def face(valence: float, arousal: float, dominance: float, noise: np.random.Generator) -> Wave:
    """(16, 16), 0 dark .. 1 light: the mouth bends up with valence, eyes open with arousal, brows sink with
    dominance."""
    rows, columns, disc = _canvas()
    picture = np.where(disc, 0.8, 0.2)
    mouth = 11.0 + 2.0 * valence * (1.0 - ((columns - 7.5) / 3.5) ** 2 - 0.5)
    picture = _ink(picture, np.abs(rows - mouth), (np.abs(columns - 7.5) <= 3.5))
    for centre in (4.5, 10.5):
        open_eye = 0.6 + 0.6 * (arousal + 1.0)
        eye = ((columns - centre) / 1.2) ** 2 + ((rows - 6.5) / open_eye) ** 2
        picture = _ink(picture, eye, np.ones_like(disc))
        picture = _ink(picture, np.abs(rows - (3.5 + 0.8 * dominance)), np.abs(columns - centre) <= 1.6)
    light = 1.0 + 0.1 * noise.standard_normal()
    return np.clip(light * picture + 0.05 * noise.standard_normal((FACE, FACE)), 0.0, 1.0)


def voice(valence: float, arousal: float, noise: np.random.Generator) -> Wave:
    """(64, 20) by frame: log pitch over 160 Hz, loudness, and 18 bands of log energy.

    Pitch, loudness and pace rise with arousal, the melody is wider and the upper bands lighter with valence.
    """
    frames = np.arange(FRAMES)
    pace = 0.06 * (1.0 + 0.4 * arousal)
    syllable = 0.5 + 0.5 * np.sin(2.0 * np.pi * (pace * frames + noise.random()))
    melody = np.sin(2.0 * np.pi * (0.02 * frames + noise.random()))
    own = 0.15 * noise.standard_normal()
    pitch = own + 0.3 * arousal + 0.15 * (1.0 + 0.8 * valence) * melody
    loudness = -0.5 + 0.6 * arousal + syllable
    bands = np.arange(MELS) / (MELS - 1)
    tilt = -1.5 + 0.8 * arousal + 0.5 * valence
    formants = np.exp(-(((bands - 0.3) / 0.12) ** 2)) + 0.6 * np.exp(-(((bands - 0.65) / 0.12) ** 2))
    energy = loudness[:, None] + tilt * bands + formants * syllable[:, None]
    features = np.concatenate([pitch[:, None], loudness[:, None], energy], axis=1)
    return features + 0.1 * noise.standard_normal(features.shape)


def _ink(picture: Wave, away: Wave, where: NDArray[np.bool_]) -> Wave:
    """Darker where a line is near, with soft edges."""
    return np.where(where, picture * (1.0 - 0.85 * np.exp(-(away**2))), picture)


@functools.cache
def _canvas() -> tuple[Wave, Wave, NDArray[np.bool_]]:
    """Rows, columns, and what lies within the face."""
    rows, columns = np.meshgrid(np.arange(FACE, dtype=float), np.arange(FACE, dtype=float), indexing="ij")
    return rows, columns, (rows - 7.5) ** 2 + (columns - 7.5) ** 2 <= 7.5**2


def _whole(signal: Wave) -> Array32:
    return np.round(signal, 4).astype(np.float32)
