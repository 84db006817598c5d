"""Every loss on predictors that are known to be perfect or bad, with logits of 1e4 and of minus infinity: never NaN."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from redheart_core.nn.losses import (
    Loss,
    binary_cross_entropy,
    divergence,
    each_member,
    grouped,
    huber,
    inconsistency,
    pinball,
    soft_focal,
    squared_error,
    weighted_logs,
)
from redheart_core.nn.vote_losses import vote_cross_entropy

NEVER = -math.inf
SHARES = [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
VOTES = [[3.0, 0.0, 3.0], [7.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
FLAGS = [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
OF_DISTRIBUTIONS: list[tuple[str, Loss, list[list[float]]]] = [
    ("divergence", divergence, SHARES),
    ("soft_focal 0.5", soft_focal(0.5), SHARES),
    ("soft_focal 2", soft_focal(2.0), SHARES),
    ("grouped", grouped(divergence, ((0,), (1,), (2,))), SHARES),
    ("vote_cross_entropy", vote_cross_entropy, VOTES),
]
OF_LABELS: list[tuple[str, Loss, list[list[float]]]] = [
    ("binary_cross_entropy", binary_cross_entropy(), FLAGS),
    ("weighted", binary_cross_entropy((2.0, 0.5, 9.0)), FLAGS),
]
OF_LOGITS = pytest.mark.parametrize(
    ("loss", "target"),
    [case[1:] for case in OF_DISTRIBUTIONS + OF_LABELS],
    ids=[case[0] for case in OF_DISTRIBUTIONS + OF_LABELS],
)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def evaluate(loss: Loss, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Losses (B,) and their gradient."""
    z = logits.clone().requires_grad_()
    found = loss(z, target, torch.ones_like(target, dtype=torch.bool))
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    return found.detach(), z.grad


def entropy(target: list[list[float]], dtype: torch.dtype) -> Tensor:
    """What is left of the cross-entropy of votes at its best; 0 for the other targets."""
    y = torch.tensor(target, dtype=dtype)
    q = y / y.sum(-1, keepdim=True)
    return -torch.xlogy(q, q).sum(-1) if target is VOTES else torch.zeros(len(y), dtype=dtype)


@DTYPES
@OF_LOGITS
@pytest.mark.parametrize("size", [1e4, math.inf])
def test_a_perfect_predictor_has_the_least_loss_and_no_gradient(
    loss: Loss, target: list[list[float]], size: float, dtype: torch.dtype
) -> None:
    """What has no share is impossible, what has one is as likely as it is."""
    y = torch.tensor(target, dtype=dtype)
    top = size if target is FLAGS else 0.0
    z = torch.where(y > 0, torch.tensor(top, dtype=dtype), torch.tensor(-size, dtype=dtype))
    found, gradient = evaluate(loss, z, y)
    torch.testing.assert_close(found, entropy(target, dtype), rtol=0, atol=1e-6)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-6)


@DTYPES
@OF_LOGITS
def test_a_bad_predictor_has_a_large_loss_and_a_finite_gradient_that_turns_it(
    loss: Loss, target: list[list[float]], dtype: torch.dtype
) -> None:
    y = torch.tensor(target, dtype=dtype)
    z = torch.where(y > 0, torch.tensor(-1e4, dtype=dtype), torch.tensor(1e4, dtype=dtype))
    found, gradient = evaluate(loss, z, y)
    assert bool((found > 1e3).all())
    assert bool(found.isfinite().all())
    assert bool(gradient.isfinite().all())
    assert bool((gradient[y > 0] < 0).all())


@DTYPES
@OF_LOGITS
def test_what_is_impossible_and_happens_is_no_number_less_than_any(
    loss: Loss, target: list[list[float]], dtype: torch.dtype
) -> None:
    """Infinite, or in the label losses about the largest number that there is; never NaN."""
    y = torch.tensor(target, dtype=dtype)
    z = torch.where(y > 0, torch.tensor(NEVER, dtype=dtype), torch.zeros((), dtype=dtype))
    with torch.no_grad():
        found = loss(z, y, torch.ones_like(y, dtype=torch.bool))
    assert bool((found > 1e37).all())


@pytest.mark.parametrize(
    ("loss", "members"),
    [(squared_error, False), (huber(0.1), False), (each_member(squared_error), True)],
    ids=["squared_error", "huber", "each_member"],
)
def test_losses_of_values_are_zero_at_the_target_and_finite_far_from_it(loss: Loss, members: bool) -> None:
    y = torch.tensor([[0.0, 1e4], [-1e4, 3.0]])
    perfect = torch.stack([y, y], 1) if members else y
    found, gradient = evaluate(loss, perfect, y)
    assert found.tolist() == [0.0, 0.0]
    assert bool((gradient == 0).all())
    found, gradient = evaluate(loss, perfect + 1e4, y)
    assert bool((found > 1e3).all())
    assert bool(gradient.isfinite().all())


def test_the_pinball_loss_is_zero_for_the_certain_and_finite_far_away() -> None:
    y = torch.tensor([2.0, -1e4])
    found, gradient = evaluate(pinball((0.1, 0.9)), y.unsqueeze(-1).expand(2, 2), y)
    assert found.tolist() == [0.0, 0.0]
    found, gradient = evaluate(pinball((0.1, 0.9)), y.unsqueeze(-1).expand(2, 2) + 1e4, y)
    torch.testing.assert_close(found, torch.full((2,), 5e3))
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize(
    ("coarse", "fine", "expected"),
    [
        ([0.0, NEVER], [0.0, 0.0, NEVER], 0.0),
        ([0.0, 0.0], [0.0, 0.0, NEVER], math.log(2.0)),
        ([1e4, -1e4], [1e4, 1e4, -1e4], 0.0),
        ([-1e4, 1e4], [1e4, 1e4, -1e4], 2e4),
    ],
)
def test_an_inconsistency_knows_impossible_labels(coarse: list[float], fine: list[float], expected: float) -> None:
    one, other = (torch.tensor([z], requires_grad=True) for z in (coarse, fine))
    found = inconsistency(one, other, ((0, 1), (2,)))
    found.backward()  # type: ignore[no-untyped-call] # torch's
    assert found.item() == pytest.approx(expected)
    assert all(z.grad is not None and bool(z.grad.isfinite().all()) for z in (one, other))


def test_a_weight_of_zero_takes_an_infinite_log_out_of_value_and_gradient() -> None:
    weights = torch.tensor([0.0, 0.0, 2.0], requires_grad=True)
    logs = torch.tensor([NEVER, -1.0, -3.0], requires_grad=True)
    found = weighted_logs(weights, logs)
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert found.tolist() == [0.0, 0.0, -6.0]
    assert logs.grad is not None
    assert logs.grad.tolist() == [0.0, 0.0, 2.0]
    assert weights.grad is not None
    assert bool(weights.grad.isfinite().all())
