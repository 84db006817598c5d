"""One resampler: row numbers, counts and percentiles agree with loops, and depend on the number of records alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from redheart_core.exact.bootstrap import Draws, counts, interval, resample
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
