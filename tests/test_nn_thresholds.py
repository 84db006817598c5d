"""Chosen thresholds are the best ones that there are."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch import Tensor

from redheart_core import DataError, UndefinedError
from redheart_core.nn.label_metrics import macro_f1
from redheart_core.nn.thresholds import best_thresholds


def brute_force(p: list[float], y: list[float]) -> tuple[float, float]:
    """Every midpoint, evaluated by scikit-learn; nearest to 0.5 of the best, then the higher."""
    points = sorted({*p, 0.0})
    cuts = [(a + b) / 2 for a, b in pairwise(points)] + ([0.0] if 0.0 in p else [])
    scored = [(f1_score(y, [int(value >= cut) for value in p]), -abs(cut - 0.5), cut) for cut in cuts]
    best = max(scored)
    return best[2], float(best[0])


def drawn(rows: int, seed: int, steps: int) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(seed)
    p = (torch.rand(rows, 3, generator=stream) * steps).round() / steps
    y = (torch.rand(rows, 3, generator=stream) < 0.2 + 0.6 * p).float()
    y[0] = 1.0
    return p, y


@pytest.mark.parametrize("steps", [4, 64, 1 << 20])
@pytest.mark.parametrize("seed", range(4))
def test_the_scan_finds_what_a_brute_force_finds(seed: int, steps: int) -> None:
    p, y = drawn(30, seed, steps)
    found = best_thresholds(p, y, ("a", "b", "c"))
    for k in range(3):
        threshold, f1 = brute_force(p[:, k].double().tolist(), y[:, k].tolist())
        assert found.values[k] == threshold
        assert found.f1[k] == pytest.approx(f1, abs=1e-15)


def test_the_metric_at_the_thresholds_is_the_reported_f1() -> None:
    p, y = drawn(200, 7, 1 << 20)
    found = best_thresholds(p, y, ("a", "b", "c"))
    there = torch.ones_like(y, dtype=torch.bool)
    chosen = macro_f1(p, y, there, found.values)
    assert chosen == pytest.approx(np.mean([f1 for f1 in found.f1 if f1 is not None]), abs=1e-15)
    assert chosen >= macro_f1(p, y, there, (0.5,) * 3)


def test_equally_good_thresholds_give_the_nearest_to_a_half_and_then_the_higher() -> None:
    # F1 is 2/3 for the first alone and for the first four
    p = torch.tensor([[0.75], [0.5], [0.4375], [0.375], [0.25]])
    y = torch.tensor([[1.0], [0.0], [0.0], [1.0], [0.0]])
    found = best_thresholds(p, y, ("a",))
    assert (found.values, found.f1) == ((0.625,), (2 / 3,))
    lower = best_thresholds(torch.tensor([[1.0], [0.75], [0.625], [0.5], [0.25]]), y, ("a",))
    assert (lower.values, lower.f1) == ((0.375,), (2 / 3,))
    equally_near = best_thresholds(torch.tensor([[0.875], [0.625], [0.5], [0.375], [0.125]]), y, ("a",))
    assert (equally_near.values, equally_near.f1) == ((0.75,), (2 / 3,))


def test_perfect_and_reversed_probabilities() -> None:
    y = torch.tensor([[1.0], [1.0], [0.0], [0.0]])
    perfect = best_thresholds(torch.tensor([[0.9], [0.7], [0.2], [0.1]]).double(), y, ("a",))
    assert perfect.f1 == (1.0,)
    assert perfect.values[0] == pytest.approx(0.45)
    reversed_ = best_thresholds(torch.tensor([[0.1], [0.2], [0.7], [0.9]]), y, ("a",))
    assert reversed_.f1[0] == pytest.approx(2 / 3)
    assert reversed_.values[0] == pytest.approx(0.05)


@pytest.mark.parametrize("low", [0.3, math.nextafter(0.3, 1.0)])  # the middle is rounded up once and down once
def test_neighbouring_floats_are_distinguished(low: float) -> None:
    high = math.nextafter(low, 1.0)
    p = torch.tensor([[high], [low]], dtype=torch.float64)
    found = best_thresholds(p, torch.tensor([[1.0], [0.0]]), ("a",))
    assert (found.values, found.f1) == ((high,), (1.0,))


def test_a_constant_probability_predicts_every_record() -> None:
    found = best_thresholds(torch.zeros(4, 1), torch.tensor([[1.0], [0.0], [0.0], [0.0]]), ("a",))
    assert (found.values, found.f1) == ((0.0,), (0.4,))


def test_missing_targets_are_left_out() -> None:
    p, y = drawn(40, 5, 1 << 20)
    y[20:, 1] = math.nan
    found = best_thresholds(p, y, ("a", "b", "c"))
    assert found.values[1] == best_thresholds(p[:20, 1:2], y[:20, 1:2], ("b",)).values[0]


@pytest.mark.parametrize("absent", [0.0, math.nan])
def test_a_label_that_no_record_has_gets_no_threshold_and_does_not_count(absent: float) -> None:
    p, y = torch.tensor([[0.1, 0.8], [0.2, 0.3]]), torch.tensor([[absent, 1.0], [absent, 0.0]])
    found = best_thresholds(p, y, ("a", "b"))
    assert found.values[0] is None
    assert found.f1 == (None, 1.0)
    assert macro_f1(p, y, ~y.isnan(), found.values) == 1.0
    with pytest.raises(UndefinedError, match="no label has a threshold"):
        macro_f1(p, y, ~y.isnan(), (None, None))


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([[0.1, 1.2]], [[1.0, 1.0]], r"probabilities in 0\.\.1; apply the sigmoid"),
        ([[0.1, math.nan]], [[1.0, 1.0]], r"probabilities in 0\.\.1"),
        ([[0.1, 0.2]], [[1.0, 0.5]], "targets that are 0, 1 or missing"),
        ([[0.1]], [[1.0]], r"shape \(N, 2\), got \(1, 1\) and \(1, 1\)"),
    ],
)
def test_what_cannot_be_chosen_is_refused(p: list[list[float]], y: list[list[float]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        best_thresholds(torch.tensor(p), torch.tensor(y), ("a", "b"))
