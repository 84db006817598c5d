"""Waveforms that NeuroKit2 simulates once, from which the signals of every record are made."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import PluginError

Wave = NDArray[np.float64]

BANDS_HZ = {"theta": (4, 5, 6, 7), "alpha": (8, 9, 10, 11, 12), "beta": (14, 17, 20, 23, 26, 29)}
EEG_RATE = 128
GSR_RATE = 8
_RATE = 256
_SEED = 2026


@attrs.frozen(eq=False)
class Templates:
    """What a body does in one beat, one response and a while of brain waves."""

    beat: Wave
    """(S, 12) mV: one heart beat in 12 leads, from the steepest place on."""
    response: Wave
    """(S,) uS: one skin conductance response at GSR_RATE samples a second, from 0 to a peak of 1 and back."""
    bands: dict[str, Wave]
    """Per band some seconds at EEG_RATE samples a second, of standard deviation 1."""


@functools.cache
def templates() -> Templates:
    """All waveforms; the first call takes seconds.

    Raises:
        PluginError: NeuroKit2 is not installed.
    """
    nk = _neurokit()
    leads = np.asarray(
        nk.ecg_simulate(
            duration=5, sampling_rate=_RATE, noise=0, heart_rate=60, method="multileads", random_state=_SEED
        ),
        dtype=np.float64,
    )
    return Templates(
        beat=_one_beat(leads),
        response=_one_response(nk),
        bands={name: _band(nk, frequencies) for name, frequencies in BANDS_HZ.items()},
    )


def _neurokit() -> Any:
    try:
        return import_module("neurokit2")
    except ModuleNotFoundError as missing:
        if missing.name != "neurokit2":
            raise
        raise PluginError(
            "village: signals = true simulates them with NeuroKit2, which is not installed; "
            "pip install 'redheart[signals]', or set signals = false in [plugins.village]"
        ) from missing


def _one_beat(leads: Wave) -> Wave:
    """From the steepest place of one heart beat to that of the next, about a second later."""
    steepness = np.square(np.diff(leads, axis=0)).sum(1)
    second = _RATE
    first = second + int(steepness[second : 2 * second].argmax())
    begin = first + second // 2
    return leads[first : begin + int(steepness[begin : begin + second].argmax())]


def _one_response(nk: Any) -> Wave:
    wave = np.asarray(
        nk.eda_simulate(duration=16, sampling_rate=GSR_RATE, scr_number=1, noise=0, drift=0, random_state=_SEED),
        dtype=np.float64,
    )
    wave = wave - wave.min()
    begin = int(np.flatnonzero(wave > 0.01 * wave.max())[0])
    response: Wave = wave[begin:] / wave.max()
    return response


def _band(nk: Any, frequencies: tuple[int, ...]) -> Wave:
    """Sines of all frequencies of the band, out of step with each other."""
    rng = np.random.default_rng(_SEED)
    wave = np.zeros(8 * EEG_RATE)
    for frequency in frequencies:
        # NeuroKit2 leaves out what is above a tenth of the rate
        sine = nk.signal_simulate(duration=8, sampling_rate=4 * EEG_RATE, frequency=frequency, noise=0)
        wave += np.roll(np.asarray(sine, dtype=np.float64)[::4], int(rng.integers(len(wave))))
    wave /= wave.std()
    return wave
