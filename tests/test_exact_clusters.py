"""Clusters of records: what is drawn, and the standard error that counts them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from redheart_core.exact.bootstrap import Draws
from redheart_core.exact.clusters import Clusters


def test_records_that_stand_alone_give_the_resamples_and_values_of_records_bit_for_bit() -> None:
    clusters = Clusters(torch.tensor([7, 9, 12, 30, 31]))
    stream = torch.Generator().manual_seed(3)
    plain = [torch.randint(5, (5,), generator=torch.Generator().manual_seed(3))]
    assert torch.equal(Draws(clusters, stream, 1).samples[0], plain[0])
    records = np.random.default_rng(0).normal(size=(4, 5))
    records[0, 0] = -0.0
    assert clusters.values(records).tobytes() == records.tobytes()
    assert clusters.values(records).flags.c_contiguous


def test_a_cluster_is_drawn_whole() -> None:
    clusters = Clusters(torch.tensor([5, 3, 5, 4, 5]))
    assert clusters.sizes.tolist() == [1, 1, 3]
    assert clusters.records(torch.tensor([2, 0, 2])).tolist() == [0, 2, 4, 1, 0, 2, 4]
    for sample in Draws(clusters, torch.Generator().manual_seed(0), 50).samples:
        counts = torch.bincount(sample, minlength=5)
        assert counts[0] == counts[2] == counts[4]
        assert int(counts[[0, 1, 3]].sum()) == 3


def test_values_have_the_mean_of_the_records_and_the_standard_error_of_a_ratio() -> None:
    draw = np.random.default_rng(1)
    sizes = draw.integers(1, 6, 40)
    numbers = np.repeat(np.arange(40), sizes)
    records = np.repeat(draw.normal(size=40), sizes) + 0.1 * draw.normal(size=len(numbers))
    values = Clusters(torch.from_numpy(numbers)).values(records)
    assert values.mean() == pytest.approx(records.mean())
    residuals = [(records[numbers == number] - records.mean()).sum() for number in range(40)]
    expected = math.sqrt(40 / 39 * np.square(residuals).sum()) / len(records)
    assert values.std(ddof=1) / math.sqrt(40) == pytest.approx(expected)


def test_the_bootstrap_over_clusters_knows_that_copies_are_no_evidence() -> None:
    values = torch.randn(30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    copies, every = values.repeat(20), torch.ones(600, dtype=torch.bool)

    def spread(numbers: torch.Tensor) -> float:
        draws = Draws(Clusters(numbers), torch.Generator().manual_seed(1), 400)
        return float(draws.apply(every, lambda rows: float(copies[rows].mean())).std())

    together, apart = spread(torch.arange(30).repeat(20)), spread(torch.arange(600))
    assert together == pytest.approx(float(values.std()) / math.sqrt(30), rel=0.15)
    assert apart == pytest.approx(together / math.sqrt(20), rel=0.15)
