"""Chosen thresholds are the best ones of the hits that are to be expected."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from torch import Tensor

from redheart_core import DataError, UndefinedError
from redheart_core.nn.label_metrics import macro_f1
from redheart_core.nn.thresholds import PRIOR_POSITIVES, Numbers, best_thresholds, expected_hits

MANY = 10_000
"""Copies of some records of which the targets alone count."""


def f1(hits: Numbers, predicted: Numbers) -> float:
    """F1 of a prediction with such hits."""
    return float(2 * (hits * predicted).sum() / (predicted.sum() + hits.sum()))


def brute_force(p: Numbers, hits: Numbers) -> float:
    """The best of all midpoints, of equally good ones the highest."""
    points = sorted({*p.tolist(), 0.0})
    cuts = [(a + b) / 2 for a, b in pairwise(points)] + ([0.0] if 0.0 in p else [])
    scored = [(round(f1(hits, (p >= cut).astype(float)), 14), float(cut)) for cut in cuts]
    return max(scored)[1]


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
        given, targets = p[:, k].double().numpy(), y[:, k].double().numpy()
        threshold = brute_force(given, expected_hits(given, targets))
        assert found.values[k] == threshold
        assert found.f1[k] == pytest.approx(f1(targets, (given >= threshold).astype(float)), abs=1e-15)


def test_expected_hits_of_probabilities_that_fit_lie_between_them_and_the_targets() -> None:
    stream = np.random.default_rng(3)
    p = stream.uniform(0.0, 1.0, 2000)
    y = (stream.uniform(size=2000) < p).astype(float)
    share = y.sum() / (y.sum() + PRIOR_POSITIVES)
    assert expected_hits(p, y) == pytest.approx(share * y + (1 - share) * p, abs=0.02)


def test_probabilities_that_are_all_too_high_are_shifted_to_the_share_of_positive_records() -> None:
    """As those of a loss that weighs positive records five times."""
    stream = np.random.default_rng(4)
    p = stream.beta(0.5, 4.0, 4000)
    y = (stream.uniform(size=4000) < p).astype(float)
    high = expit(logit(p) + np.log(5.0))
    assert expected_hits(high, y) == pytest.approx(expected_hits(p, y), abs=0.02)
    fitting, shifted = (best_thresholds(torch.tensor(one)[:, None], torch.tensor(y)[:, None], "a") for one in (p, high))
    assert shifted.f1[0] == pytest.approx(fitting.f1[0], abs=0.01)


def test_few_positive_records_hardly_move_the_threshold() -> None:
    """The highest F1 of three positive records is an accident of where these lie."""
    p = np.linspace(0.02, 0.4, 200)
    y = np.zeros(200)
    y[[150, 170, 199]] = 1.0
    other = np.roll(y, -12)
    lower, higher = (
        best_thresholds(torch.tensor(p)[:, None], torch.tensor(one)[:, None], "a").values[0] for one in (other, y)
    )
    assert lower is not None
    assert lower == pytest.approx(higher, abs=0.02)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_certain_probabilities_stay_certain(end: float) -> None:
    hits = expected_hits(np.full(4, end), np.array([1.0, 0.0, 0.0, 0.0]))
    assert hits[1:].tolist() == pytest.approx([(1 - 1 / (1 + PRIOR_POSITIVES)) * end] * 3)


def test_the_metric_at_the_thresholds_is_the_reported_f1() -> None:
    p, y = drawn(200, 7, 1 << 20)
    found = best_thresholds(p, y, ("a", "b", "c"))
    there = torch.ones_like(y, dtype=torch.bool)
    chosen = macro_f1(p, y, there, found.values)
    assert chosen == pytest.approx(np.mean([one for one in found.f1 if one is not None]), abs=1e-15)


def test_perfect_and_reversed_probabilities() -> None:
    y = torch.tensor([[1.0], [1.0], [0.0], [0.0]]).repeat(MANY, 1)
    perfect = best_thresholds(torch.tensor([[0.9], [0.7], [0.2], [0.1]]).double().repeat(MANY, 1), y, ("a",))
    assert perfect.f1 == (1.0,)
    assert perfect.values[0] == pytest.approx(0.45)
    reversed_ = best_thresholds(torch.tensor([[0.1], [0.2], [0.7], [0.9]]).repeat(MANY, 1), y, ("a",))
    assert reversed_.f1[0] == pytest.approx(2 / 3)
    assert reversed_.values[0] == pytest.approx(0.05)


@pytest.mark.parametrize("low", [0.3, math.nextafter(0.3, 1.0)])  # the middle is rounded up once and down once
def test_neighbouring_floats_are_distinguished(low: float) -> None:
    high = math.nextafter(low, 1.0)
    p = torch.tensor([[high], [low]], dtype=torch.float64).repeat(MANY, 1)
    found = best_thresholds(p, torch.tensor([[1.0], [0.0]]).repeat(MANY, 1), ("a",))
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
