"""Losses of votes agree with SciPy and with exact probabilities, and take extreme numbers."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.stats import entropy
from torch import Tensor

from redheart_core.nn.vote_losses import vote_cross_entropy


def logits(rows: int, classes: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def counts(rows: int, classes: int, most: int = 9) -> Tensor:
    drawn = torch.randint(0, most, (rows, classes), generator=torch.Generator().manual_seed(1)).double()
    drawn[:, 0] += 1
    return drawn


def everywhere(target: Tensor) -> Tensor:
    return torch.ones_like(target, dtype=torch.bool)


def test_cross_entropy_is_scipy_s_entropy_plus_divergence() -> None:
    z, n = logits(20, 5), counts(20, 5)
    q, p = (n / n.sum(-1, keepdim=True)).numpy(), z.softmax(-1).numpy()
    expected = entropy(q, axis=-1) + entropy(q, p, axis=-1)
    np.testing.assert_allclose(vote_cross_entropy(z, n, everywhere(n)).numpy(), expected, rtol=1e-12)


def test_cross_entropy_is_least_at_the_shares_and_bad_for_the_wrong_class() -> None:
    n = torch.tensor([[3.0, 1.0], [0.0, 4.0]], dtype=torch.float64)
    q = n / n.sum(-1, keepdim=True)
    perfect = vote_cross_entropy(q.clamp(min=1e-300).log() + 3.0, n, everywhere(n))
    np.testing.assert_allclose(perfect.numpy(), entropy(q.numpy(), axis=-1), atol=1e-12)
    wrong = vote_cross_entropy(torch.tensor([[-9.0, 9.0], [9.0, -9.0]]).double(), n, everywhere(n))
    assert bool((wrong > 13.0).all())
    assert bool((vote_cross_entropy(logits(2, 2), n, everywhere(n)) > perfect).all())


def test_the_gradient_of_cross_entropy_is_prediction_less_shares() -> None:
    z, n = logits(6, 4).requires_grad_(), counts(6, 4)
    vote_cross_entropy(z, n, everywhere(n)).sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    torch.testing.assert_close(z.grad, z.detach().softmax(-1) - n / n.sum(-1, keepdim=True))


def test_gradients_equal_finite_differences() -> None:
    z, n = logits(4, 3).add(torch.tensor([[0.0], [3.0], [4.6], [7.0]])).requires_grad_(), counts(4, 3)
    present = everywhere(n)
    present[1, 2] = False
    assert torch.autograd.gradcheck(lambda p: vote_cross_entropy(p, n, present), (z,))


def test_a_missing_count_leaves_the_likelihood_of_the_others() -> None:
    z, n = logits(5, 4).requires_grad_(), counts(5, 4)
    n[:, 1] = math.nan
    found = vote_cross_entropy(z, n, ~n.isnan())
    rest = [0, 2, 3]
    torch.testing.assert_close(found, vote_cross_entropy(z[:, rest], n[:, rest], everywhere(n[:, rest])))
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    assert torch.equal(z.grad[:, 1], torch.zeros(5).double())
    assert bool((z.grad[:, rest] != 0).all())


def test_a_record_without_votes_has_neither_loss_nor_gradient() -> None:
    z, n = logits(2, 3).requires_grad_(), torch.tensor([[0.0, 0, 0], [1, 0, 2]]).double()
    found = vote_cross_entropy(z, n, everywhere(n))
    assert found[0] == 0.0
    assert found[1] > 0.0
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    assert torch.equal(z.grad[0], torch.zeros(3).double())


def test_extreme_logits_and_many_votes_stay_finite_in_single_precision() -> None:
    z = torch.tensor([[60.0, -60.0, 0.0], [-80.0, -80.0, -80.0], [85.0, 85.0, 85.0]], requires_grad=True)
    n = torch.tensor([[0.0, 4000.0, 1.0]]).expand(3, 3)
    found = vote_cross_entropy(z, n, everywhere(n))
    assert found.dtype == torch.float32
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    assert bool(found.isfinite().all())
    assert bool(z.grad.isfinite().all())
