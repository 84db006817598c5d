"""Simulated signals: shapes, ranges, and that they follow affect."""

from types import ModuleType

import attrs
import numpy as np
import pytest

from redheart_core import PluginError, Record
from redheart_village import SIGNALS, redheart_provide_datasets, templates
from redheart_village.records import make_records
from redheart_village.settings import VillageSettings
from redheart_village.signals import ECG_RATE, ecg, eeg, face, gsr, voice
from redheart_village.templates import Templates

SETTINGS = VillageSettings(english=6, korean=4, signals=True)


@pytest.fixture(scope="module")
def waves() -> Templates:
    pytest.importorskip("neurokit2", reason="signals come from the extra 'signals'")
    return templates.templates()


@pytest.fixture(scope="module")
def records(waves: Templates) -> list[Record]:
    return list(make_records(SETTINGS))


def noise() -> np.random.Generator:
    return np.random.default_rng(5)


def test_signals_fit_their_fields_and_are_simulated_anew_for_each_record(records: list[Record]) -> None:
    (spec,) = redheart_provide_datasets()
    fields = {field.name: field for field in spec.fields(SETTINGS)}
    for name in SIGNALS:
        numbers = [fields[name].to_numbers(record.values[name], record.where) for record in records]
        assert np.isfinite(numbers).all()
        assert "simulated" in fields[name].meaning
        assert not np.array_equal(numbers[0], numbers[1])


def test_the_same_settings_give_the_same_signals_and_leave_the_rest_alone(records: list[Record]) -> None:
    plain = list(make_records(VillageSettings(english=6, korean=4)))
    for one, again, without in zip(records, make_records(SETTINGS), plain, strict=True):
        for name in SIGNALS:
            assert np.array_equal(np.asarray(one.values[name]), np.asarray(again.values[name]))
        rest = {name: value for name, value in one.values.items() if name not in SIGNALS}
        assert attrs.evolve(one, values=rest) == without


def test_the_heart_beats_as_often_as_asked(waves: Templates) -> None:
    assert 200 < len(waves.beat) < 310
    for rate in (60.0, 90.0):
        signal = ecg(waves, rate, noise())
        spectrum = np.abs(np.fft.rfft(signal - signal.mean(0), n=4096, axis=0)).sum(1)
        frequencies = np.fft.rfftfreq(4096, 1 / ECG_RATE)
        low = (frequencies > 0.7) & (frequencies < 1.9)
        assert 60 * frequencies[low][spectrum[low].argmax()] == pytest.approx(rate, rel=0.08)


def band(signal: np.ndarray, low: int, high: int) -> np.ndarray:
    return np.asarray((np.abs(np.fft.rfft(signal, axis=0)) ** 2)[low : high + 1].sum(0))


def test_brain_waves_follow_arousal_and_lean_with_valence(waves: Templates) -> None:
    calm, tense = (eeg(waves, 0.0, arousal, noise()) for arousal in (-0.8, 0.8))
    assert band(calm, 8, 12).mean() > 1.5 * band(tense, 8, 12).mean()
    assert band(tense, 14, 29).mean() > 1.5 * band(calm, 14, 29).mean()
    glad = band(eeg(waves, 0.8, 0.0, noise()), 8, 12)
    sad = band(eeg(waves, -0.8, 0.0, noise()), 8, 12)
    assert glad[16:].mean() > 1.5 * glad[:16].mean()
    assert sad[16:].mean() < 0.67 * sad[:16].mean()


def test_skin_follows_arousal_and_surprise(waves: Templates) -> None:
    def mean_and_size(arousal: float, surprise: float) -> tuple[float, float]:
        rng = noise()
        signals = np.array([gsr(waves, arousal, surprise, rng) for _ in range(40)])
        return float(signals.mean()), float(np.ptp(signals, axis=1).mean())

    assert mean_and_size(0.8, 0.0)[0] > mean_and_size(-0.8, 0.0)[0] + 0.2
    assert mean_and_size(0.0, 0.8)[1] > 1.5 * mean_and_size(0.0, -0.8)[1]


def test_mouth_bends_up_with_valence_and_eyes_open_with_arousal() -> None:
    glad, sad = (face(valence, 0.0, 0.0, noise()) for valence in (0.9, -0.9))
    assert glad[12, 7:9].mean() < glad[10, 7:9].mean()
    assert sad[12, 7:9].mean() > sad[10, 7:9].mean()
    wide, shut = (face(0.0, arousal, 0.0, noise()) for arousal in (0.9, -0.9))
    assert wide[5:9, 4:6].mean() < shut[5:9, 4:6].mean()


def test_voice_rises_with_arousal_and_is_lighter_with_valence() -> None:
    def mean(valence: float, arousal: float) -> np.ndarray:
        rng = noise()
        return np.asarray(np.mean([voice(valence, arousal, rng) for _ in range(30)], axis=(0, 1)))

    loud, quiet = mean(0.0, 0.8), mean(0.0, -0.8)
    assert (loud[:2] > quiet[:2] + 0.3).all()
    light, dark = mean(0.8, 0.0), mean(-0.8, 0.0)
    assert light[-1] - light[2] > dark[-1] - dark[2] + 0.4


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(templates, "import_module", absent)
    templates.templates.cache_clear()
    with pytest.raises(PluginError, match=r"pip install 'redheart\[signals\]', or set signals = false"):
        next(make_records(attrs.evolve(SETTINGS, seed=77)))  # of which nothing has been made yet
