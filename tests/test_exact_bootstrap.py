"""One resampler: row numbers, counts and percentiles agree with loops, and depend on the number of records alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from redheart_core.exact.bootstrap import Draws, counts, interval, over_runs, resample
from redheart_core.exact.clusters import Clusters
from redheart_core.exact.interval import Interval
from redheart_core.storage.runtime import generator


def test_counts_say_how_often_a_resample_holds_each_record() -> None:
    samples = list(resample(7, generator(0, "a"), 20))
    table = counts(samples, 7)
    assert table.shape == (20, 7)
    assert table.sum(1).tolist() == [7.0] * 20
    for row, sample in zip(table, samples, strict=True):
        assert [sample.tolist().count(record) for record in range(7)] == row.tolist()


def test_resamples_follow_from_the_stream_and_the_number_of_records_alone() -> None:
    first, again, other = (torch.stack(list(resample(5, generator(0, name), 8))) for name in "aab")
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.stack(Draws(Clusters(torch.arange(5)), generator(0, "a"), 8).samples), first)


def test_a_figure_is_computed_on_the_used_records_of_each_resample() -> None:
    values, used = torch.tensor([1.0, 2.0, 4.0, 100.0]), torch.tensor([True, True, True, False])
    draws = Draws(Clusters(torch.arange(4)), generator(0, "a"), 30)
    found = draws.apply(used, lambda rows: float(values[rows].sum()))
    assert found.tolist() == [sum(values[row].item() for row in sample if row != 3) for sample in draws.samples]


def test_an_interval_has_the_percentiles_of_its_draws() -> None:
    draws = np.arange(1001.0)
    assert interval(7.0, draws) == Interval(7.0, 25.0, 975.0)
    assert interval(7.0, torch.from_numpy(draws), (0.1, 0.9)).ends == pytest.approx((100.0, 900.0))


def gains_of(runs: int, records: int, spread: float, noise: float, seed: int) -> tuple[float, torch.Tensor]:
    """The mean gain, and of each run its gain on every resample: a true gain of 1, and what runs and records add."""
    draw = torch.Generator().manual_seed(seed)
    of_runs = spread * torch.randn(runs, 1, generator=draw, dtype=torch.float64)
    of_records = noise * torch.randn(records, generator=draw, dtype=torch.float64)
    values = 1 + of_runs + of_records
    samples = torch.stack(list(resample(records, generator(seed, "records"), 300)))
    return float(values.mean()), values[:, samples].mean(-1)


def test_without_spread_over_runs_the_draws_are_those_of_the_records() -> None:
    _, draws = gains_of(5, 40, 0.0, 1.0, 0)
    torch.testing.assert_close(over_runs(draws, generator(0, "runs")), draws[0])
    assert torch.equal(over_runs(draws[:1], generator(0, "runs")), draws[0])


def test_without_spread_over_records_an_interval_is_that_of_student() -> None:
    """Percentiles of so few values are rough; Student's interval is what they aim at."""
    gains = torch.tensor([0.1, 0.4, 0.2, 0.9, 0.5, 0.3, 0.6, 0.8], dtype=torch.float64)
    found = interval(float(gains.mean()), over_runs(gains.unsqueeze(1).expand(8, 4000), generator(0, "runs")))
    half = 2.3646 * float(gains.std()) / 8**0.5
    assert found.ends == pytest.approx((float(gains.mean()) - half, float(gains.mean()) + half), abs=0.15 * half)


@pytest.mark.parametrize(("spread", "noise"), [(1.0, 1.0), (0.3, 2.0), (0.0, 2.0)])
def test_an_interval_over_five_runs_and_their_records_holds_the_true_gain(spread: float, noise: float) -> None:
    """Of 300 worlds whose gain is 1; an interval over records alone misses it where runs differ."""
    held, alone = 0, 0
    for seed in range(300):
        value, draws = gains_of(5, 60, spread, noise, seed)
        held += interval(value, over_runs(draws, generator(seed, "runs"))).holds(1.0)
        alone += interval(value, draws.mean(0)).holds(1.0)
    assert held >= 0.92 * 300
    if spread == 1.0:
        assert alone < 0.6 * 300


def test_the_same_stream_draws_the_same_runs_for_everything_that_is_compared() -> None:
    _, draws = gains_of(4, 30, 1.0, 1.0, 1)
    first, second = (over_runs(part, generator(0, "runs")) for part in (draws, draws + 0.5))
    torch.testing.assert_close(second - first, torch.full_like(first, 0.5))


def test_figures_that_are_undefined_on_a_resample_stay_so() -> None:
    _, draws = gains_of(3, 30, 1.0, 1.0, 1)
    draws[1, 7] = float("nan")
    found = over_runs(draws, generator(0, "runs"))
    assert found.isnan().nonzero().flatten().tolist() == [7]
