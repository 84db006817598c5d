"""Shuffles take the bias out of SURD, and the bootstrap shows its spread."""

from __future__ import annotations

import numpy as np
import pytest
from exact_systems import collider, with_noise

from redheart_core import DataError
from redheart_core.exact.states import quantile_bins
from redheart_core.exact.surd import decompose
from redheart_core.exact.surd_sampling import estimate, figures


def noisy_and(rng: np.random.Generator, samples: int) -> tuple[np.ndarray, np.ndarray]:
    q = rng.integers(2, size=(samples, 2))
    return (q[:, 0] & q[:, 1]) ^ (rng.random(samples) < 0.2), q


def test_correction_takes_away_the_information_of_independent_variables() -> None:
    rng = np.random.default_rng(0)
    runs = [
        estimate(rng.integers(4, size=500), rng.integers(4, size=(500, 2)), rng=rng, resamples=100) for _ in range(6)
    ]
    assert np.mean([run.plain.mutual_information for run in runs]) > 0.05
    assert np.mean([run.corrected.mutual_information for run in runs]) == pytest.approx(0, abs=0.02)
    assert np.mean([run.plain.synergistic[1, 2] for run in runs]) > 0.04
    assert np.mean([run.corrected.synergistic[1, 2] for run in runs]) == pytest.approx(0, abs=0.02)


def test_correction_leaves_the_information_of_dependent_variables() -> None:
    truth = decompose(with_noise(2, lambda a, b: a & b, 0.2)).mutual_information
    rng = np.random.default_rng(7)
    runs = [estimate(*noisy_and(rng, 1000), rng=rng, resamples=100) for _ in range(4)]
    assert np.mean([run.corrected.mutual_information for run in runs]) == pytest.approx(truth, abs=0.04)
    # (2 - 1)(4 - 1) / (2 N ln 2), Miller 1955
    assert np.mean([run.bias.mutual_information for run in runs]) == pytest.approx(0.00216, rel=0.4)


def test_intervals_lie_about_the_corrected_figure() -> None:
    rng = np.random.default_rng(8)
    q = rng.integers(6, size=(800, 2))
    found = estimate((q.sum(axis=1) + rng.integers(3, size=800)) % 6, q, rng=rng)
    low, high = found.intervals["mutual_information"].ends
    assert (low + high) / 2 == pytest.approx(found.corrected.mutual_information, abs=0.15 * (high - low))


@pytest.mark.slow
def test_correction_takes_the_synergy_of_a_variable_that_moves_by_itself_below_one_percent() -> None:
    states = quantile_bins(collider(np.random.default_rng(3)), 8)
    found = estimate(states[1:, 1], states[:-1], rng=np.random.default_rng(0), resamples=100)
    assert found.plain.synergistic[1, 2, 3] / found.plain.mutual_information > 0.08
    assert abs(found.corrected.synergistic[1, 2, 3] / found.corrected.mutual_information) < 0.01
    assert found.corrected.unique[2,] / found.corrected.mutual_information > 0.95


def test_corrected_is_plain_minus_bias_and_still_adds_up() -> None:
    rng = np.random.default_rng(1)
    found = estimate(*noisy_and(rng, 300), rng=rng, resamples=100)
    plain, bias, corrected = (figures(part) for part in (found.plain, found.bias, found.corrected))
    for name in set(plain) - {"leak"}:
        assert corrected[name] == pytest.approx(plain[name] - bias[name], abs=1e-12)
    assert sum(found.corrected.terms().values()) == pytest.approx(found.corrected.mutual_information, abs=1e-9)
    expected = 1 - found.corrected.mutual_information / found.plain.target_entropy
    assert found.corrected.leak == pytest.approx(expected, abs=1e-12)
    assert sum(found.corrected.shares().values()) == pytest.approx(1, abs=1e-9)


@pytest.mark.slow
def test_intervals_hold_the_true_figures_about_as_often_as_they_promise() -> None:
    truth = figures(decompose(with_noise(2, lambda a, b: a & b, 0.2)))
    rng = np.random.default_rng(2)
    runs = [estimate(*noisy_and(rng, 400), rng=rng, resamples=100).intervals for _ in range(30)]
    for name in ("mutual_information", "leak", "R12", "S12"):
        held = sum(run[name].holds(truth[name]) for run in runs)
        assert held >= 22, name  # 95 per cent would fall below that less than once in 10,000 times


def test_intervals_narrow_with_the_root_of_the_samples() -> None:
    rng = np.random.default_rng(3)

    def width(samples: int) -> float:
        low, high = estimate(*noisy_and(rng, samples), rng=rng, resamples=200).intervals["mutual_information"].ends
        return high - low

    assert width(400) / width(6400) == pytest.approx(4, rel=0.35)


def test_blocks_widen_the_intervals_of_slow_series() -> None:
    rng = np.random.default_rng(4)
    q = np.repeat(rng.integers(2, size=100), 20)
    t = np.repeat(rng.integers(2, size=100), 20) & q
    single, blocks = (
        estimate(t, q, rng=np.random.default_rng(0), block=block).intervals["mutual_information"].ends
        for block in (1, 40)
    )
    assert blocks[1] - blocks[0] > 2 * (single[1] - single[0])


def test_the_same_seed_gives_the_same_answer() -> None:
    t, q = noisy_and(np.random.default_rng(5), 200)
    first, again, other = (estimate(t, q, rng=np.random.default_rng(seed), resamples=100) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_target_that_never_varies_stays_degenerate() -> None:
    found = estimate(np.zeros(100), np.arange(100) % 3, rng=np.random.default_rng(0), resamples=100)
    assert found.corrected.degenerate
    assert set(figures(found.corrected).values()) == {0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shuffles": 10}, "shuffles has to be a whole number of at least 50, got 10"),
        ({"resamples": 10}, "resamples has to be a whole number of at least 100, got 10"),
        ({"block": 0}, "block has to be a whole number of at least 1, got 0"),
        ({"block": 101}, "a block of 101 is longer than the 100 samples"),
        ({"confidence": 95}, "confidence has to lie between 0 and 1, got 95"),
    ],
)
def test_arguments_out_of_range_are_refused(change: dict[str, int], message: str) -> None:
    t, q = noisy_and(np.random.default_rng(6), 100)
    with pytest.raises(DataError, match=message):
        estimate(t, q, rng=np.random.default_rng(0), **change)  # type: ignore[arg-type] # one of several names
