"""What counts as noise between learning rates: against loops, known truths and exact zeros."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from redheart_core import DataError
from redheart_core.exact.numbers import FloatArray
from redheart_core.tuning.rates import Difference, choose_rate, difference, hopeless, log_spaced


def table(seed: int, mean: float, spread: float = 0.1, seeds: int = 2, records: int = 50) -> FloatArray:
    return np.random.default_rng(seed).normal(mean, spread, (seeds, records))


def test_the_error_agrees_with_a_loop_over_records_and_seeds() -> None:
    one, other = table(1, 1.0, seeds=3, records=7), table(2, 0.8, seeds=3, records=7)
    apart = [[float(a - b) for a, b in zip(*rows, strict=True)] for rows in zip(one, other, strict=True)]
    by_record = [statistics.fmean(column) for column in zip(*apart, strict=True)]
    by_seed = [statistics.fmean(row) for row in apart]
    found = difference(one, other)
    assert found.mean == pytest.approx(statistics.fmean(by_seed))
    squared = statistics.variance(by_record) / 7 + statistics.variance(by_seed) / 3
    assert found.error == pytest.approx(math.sqrt(squared))


def test_one_seed_leaves_the_records_alone() -> None:
    one, other = table(1, 1.0, seeds=1), table(2, 0.8, seeds=1)
    assert difference(one, other).error == pytest.approx(float((one - other).std(ddof=1)) / math.sqrt(50))


def test_a_candidate_is_no_worse_than_itself() -> None:
    assert difference(table(1, 1.0), table(1, 1.0)) == Difference(0.0, 0.0)
    assert not Difference(0.0, 0.0).beyond(1.0)


def test_one_record_is_refused() -> None:
    with pytest.raises(DataError, match="on 1 validation record"):
        difference(np.ones((2, 1)), np.zeros((2, 1)))


def test_the_lowest_mean_wins_and_noise_is_reported() -> None:
    found = choose_rate({1e-4: table(1, 0.9), 1e-3: table(2, 0.5), 3e-3: table(2, 0.5) + 1e-9, 1e-2: table(3, 0.8)})
    assert found.chosen == 1e-3
    assert found.within_noise == (1e-3,)
    noisy = table(4, 0.0, spread=1.0)
    found = choose_rate({1e-4: table(2, 0.5) + 0.01 * noisy, 1e-3: table(2, 0.5), 1e-2: table(3, 0.8)})
    assert found.within_noise[-1] != 1e-2
    assert found.distinguishable


def test_equal_means_go_to_the_smaller_rate() -> None:
    same = table(1, 0.5)
    found = choose_rate({1e-2: same, 1e-4: same, 1e-3: same})
    assert (found.chosen, found.one_se, found.within_noise) == (1e-4, 1e-4, (1e-4, 1e-3, 1e-2))
    assert not found.distinguishable


def test_the_one_se_rate_is_the_smallest_within_noise() -> None:
    base = table(1, 0.5, seeds=1)
    noise = np.random.default_rng(5).normal(0, 1, (1, 50))
    noise -= noise.mean()
    found = choose_rate({1e-4: base + 0.1 * noise + 0.001, 1e-3: base})
    assert (found.chosen, found.one_se) == (1e-3, 1e-4)
    found = choose_rate({1e-4: base + 0.1 * noise + 0.1, 1e-3: base})
    assert (found.chosen, found.one_se) == (1e-3, 1e-3)


def test_only_the_worse_half_beyond_two_errors_is_hopeless() -> None:
    base = table(1, 0.5, seeds=1)
    noise = np.random.default_rng(5).normal(0, 1, (1, 50))
    noise -= noise.mean()
    unit = float(noise.std(ddof=1)) / math.sqrt(50)
    losses = {
        1e-4: base + noise + 1.9 * unit,
        3e-4: base + noise + 2.1 * unit,
        1e-3: base,
        3e-3: base + 0.01 * unit,
        1e-2: base + 10.0,
    }
    assert set(hopeless(losses, losses)) == {3e-4, 1e-2}
    assert set(hopeless(losses, {1e-2, 1e-4})) == {1e-2}
    del losses[1e-2]
    assert set(hopeless(losses, losses)) == {3e-4}
    losses[3e-4] = base + noise + 1.9 * unit
    assert hopeless(losses, losses) == {}


def test_the_better_half_stays_however_far_behind() -> None:
    base = table(1, 0.5, seeds=1)
    losses = {rate: base + place for place, rate in enumerate((1e-4, 1e-3, 1e-2))}
    assert set(hopeless(losses, losses)) == {1e-2}
    assert hopeless({1e-3: base}, {1e-3}) == {}


def test_finer_rates_lie_around_the_best_one() -> None:
    assert log_spaced(1e-3, (10**0.5, 10**-0.5)) == (0.000316, 0.00316)
