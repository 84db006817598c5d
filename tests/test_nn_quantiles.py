"""Quantile forecasts: losses and figures by hand, for a known good and a known bad forecast."""

from __future__ import annotations

from statistics import NormalDist

import pytest
import torch
from torch import Tensor

from redheart_core.contract.errors import UndefinedError
from redheart_core.nn.quantiles import coverage_gap, pinball_in, weighted_quantile_loss

LEVELS = (0.1, 0.5, 0.9)
NORMAL = NormalDist()
NAN = float("nan")


def normal_targets(count: int) -> Tensor:
    """(count, 1, 1): equally likely values of the standard normal distribution."""
    return torch.tensor([NORMAL.inv_cdf((place + 0.5) / count) for place in range(count)]).view(-1, 1, 1)


def same_for_all(count: int, *quantiles: float) -> Tensor:
    return torch.tensor(quantiles).view(1, 1, -1, 1).expand(count, -1, -1, -1)


def test_pinball_by_hand_in_units() -> None:
    prediction = torch.tensor([[[[1.0], [2.0], [4.0]]]])
    target = torch.tensor([[[3.0]]])
    # errors 2, 1, -1 in units of 2: 0.1 * 1, 0.5 * 0.5, -0.1 * -0.5
    loss = pinball_in((2.0,), LEVELS)(prediction, target, target > 0)
    torch.testing.assert_close(loss, torch.tensor([(0.1 + 0.25 + 0.05) / 3]))


def test_pinball_is_least_at_the_quantiles_of_the_distribution() -> None:
    targets = normal_targets(999)
    present, loss = ~targets.isnan(), pinball_in((1.0,), LEVELS)
    right = [NORMAL.inv_cdf(level) for level in LEVELS]
    best = loss(same_for_all(999, *right), targets, present).mean()
    for place in range(3):
        for moved in (-0.2, 0.2):
            wrong = [one + (moved if place == number else 0.0) for number, one in enumerate(right)]
            assert loss(same_for_all(999, *wrong), targets, present).mean() > best


def test_missing_numbers_add_neither_loss_nor_gradient() -> None:
    prediction = torch.zeros(1, 2, 3, 1, requires_grad=True)
    target = torch.tensor([[[1.0], [NAN]]])
    loss = pinball_in((1.0,), LEVELS)(prediction, target, ~target.isnan())
    torch.testing.assert_close(loss, torch.tensor([0.5]))
    (gradient,) = torch.autograd.grad(loss.sum(), prediction)
    assert bool((gradient[:, 0] != 0).all())
    assert not gradient[:, 1].any()


def test_weighted_quantile_loss_of_the_median_is_the_weighted_absolute_error() -> None:
    target = torch.tensor([[[2.0]], [[-6.0]]])
    prediction = torch.tensor([[[[1.0]]], [[[-3.0]]]])
    figure = weighted_quantile_loss((0.5,))
    assert figure(prediction, target, target.isfinite()) == pytest.approx(4.0 / 8.0)
    assert figure(target, target, target.isfinite()) == 0.0


def test_coverage_is_nominal_for_the_true_quantiles() -> None:
    targets, gap = normal_targets(1000), coverage_gap(0.8)
    present = ~targets.isnan()
    right = [NORMAL.inv_cdf(level) for level in LEVELS]
    assert gap(same_for_all(1000, *right), targets, present) == pytest.approx(0.0, abs=2e-3)
    assert gap(same_for_all(1000, 5.0, 6.0, 7.0), targets, present) == pytest.approx(0.8)
    assert gap(same_for_all(1000, -9.0, 0.0, 9.0), targets, present) == pytest.approx(0.2)


def test_what_has_no_value_says_why() -> None:
    nothing, zeros = torch.full((2, 1, 1), NAN), torch.zeros(2, 1, 1)
    with pytest.raises(UndefinedError, match="none of 2 records has a number"):
        coverage_gap(0.8)(zeros, nothing, ~nothing.isnan())
    with pytest.raises(UndefinedError, match=r"sum of \|y\| over 2 records is 0"):
        weighted_quantile_loss(LEVELS)(zeros, zeros, zeros == 0)
