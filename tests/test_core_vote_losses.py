"""Losses of votes agree with SciPy and with exact probabilities, and take extreme numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import dirichlet_multinomial as scipy_dirichlet_multinomial
from scipy.stats import entropy, multinomial
from torch import Tensor

from redheart_core.exact import votes
from redheart_core.nn.losses import Loss
from redheart_core.nn.vote_losses import dirichlet_multinomial, vote_cross_entropy

BOTH = pytest.mark.parametrize("loss", [vote_cross_entropy, dirichlet_multinomial])


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


def test_dirichlet_multinomial_is_scipy_s_without_the_coefficient_and_per_vote() -> None:
    z, n = logits(20, 5).mul(2), counts(20, 5)
    size = n.sum(-1).numpy()
    ways = multinomial.logpmf(n.numpy(), size, np.full(5, 0.2)) - size * math.log(0.2)
    expected = (ways - scipy_dirichlet_multinomial.logpmf(n.numpy().astype(int), z.exp().numpy(), size)) / size
    np.testing.assert_allclose(dirichlet_multinomial(z, n, everywhere(n)).numpy(), expected, rtol=1e-11)


def test_dirichlet_multinomial_is_vector_v4_of_the_reference() -> None:
    n = torch.tensor([[8.0, 2], [1, 9], [5, 5], [10, 0]]).double()
    losses = dirichlet_multinomial(torch.zeros(4, 2).double(), n, everywhere(n)) * n.sum(-1)
    assert losses.sum().item() == pytest.approx(21.230257761469, abs=1e-9)


@pytest.mark.parametrize("size", [1.0, 5000.0])
def test_series_and_gamma_function_agree_on_both_sides_of_their_border(size: float) -> None:
    n = torch.tensor([[0.0, size, 3.0]]).double().expand(4, 3)
    alpha = torch.tensor([[99.9, 99.99, 100.01], [100.0, 101, 0.1], [1e3, 5, 1e4], [1e-8, 40, 200]]).double()
    found = dirichlet_multinomial(alpha.log(), n, everywhere(n)) * n.sum(-1)
    expected = -votes.log_likelihood(alpha.numpy(), n.numpy())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shift", [-3.0, 4.6, 9.0, 16.0, 23.0])
def test_rising_factorials_lose_no_digits_however_large_alpha_is(shift: float) -> None:
    z, n = logits(6, 3) + shift, counts(6, 3)
    found = dirichlet_multinomial(z, n, everywhere(n))
    for loss, alpha, row in zip(found.tolist(), z.exp().tolist(), n.int().tolist(), strict=True):
        total = math.fsum(alpha)
        drawn = [math.log((a + j) / total) for a, size in zip(alpha, row, strict=True) for j in range(size)]
        rising = math.fsum(math.log1p(j / total) for j in range(sum(row)))
        assert loss == pytest.approx((rising - math.fsum(drawn)) / sum(row), rel=1e-12)


def test_sure_concentrations_become_cross_entropy() -> None:
    z, n = logits(8, 5), counts(8, 5)
    sure = dirichlet_multinomial(z + 40.0, n, everywhere(n))
    torch.testing.assert_close(sure, vote_cross_entropy(z, n, everywhere(n)), rtol=1e-12, atol=0)
    assert bool((dirichlet_multinomial(z, n, everywhere(n)) > n.new_tensor(0.0)).all())


def test_it_is_least_at_the_alpha_that_the_fit_finds() -> None:
    n = torch.tensor([[8.0, 2], [1, 9], [5, 5], [10, 0], [3, 7], [6, 4]]).double()
    best = torch.from_numpy(votes.fit_dirichlet_multinomial(n.numpy()).alpha).log().expand(6, 2)
    z = best.clone().requires_grad_()
    dirichlet_multinomial(z, n, everywhere(n)).sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    torch.testing.assert_close(z.grad.sum(0), torch.zeros(2).double(), rtol=0, atol=1e-4)
    right, wrong = (dirichlet_multinomial(guess, n, everywhere(n)).sum() for guess in (best, best + 3.0))
    assert right < wrong


@BOTH
def test_gradients_equal_finite_differences(loss: Loss) -> None:
    z, n = logits(4, 3).add(torch.tensor([[0.0], [3.0], [4.6], [7.0]])).requires_grad_(), counts(4, 3)
    present = everywhere(n)
    present[1, 2] = False
    assert torch.autograd.gradcheck(lambda p: loss(p, n, present), (z,))


@BOTH
def test_a_missing_count_leaves_the_likelihood_of_the_others(loss: Loss) -> None:
    z, n = logits(5, 4).requires_grad_(), counts(5, 4)
    n[:, 1] = math.nan
    found = loss(z, n, ~n.isnan())
    rest = [0, 2, 3]
    torch.testing.assert_close(found, loss(z[:, rest], n[:, rest], everywhere(n[:, rest])))
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    assert torch.equal(z.grad[:, 1], torch.zeros(5).double())
    assert bool((z.grad[:, rest] != 0).all())


@BOTH
def test_a_record_without_votes_has_neither_loss_nor_gradient(loss: Loss) -> None:
    z, n = logits(2, 3).requires_grad_(), torch.tensor([[0.0, 0, 0], [1, 0, 2]]).double()
    found = loss(z, n, everywhere(n))
    assert found[0] == 0.0
    assert found[1] > 0.0
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    assert torch.equal(z.grad[0], torch.zeros(3).double())


@BOTH
def test_extreme_logits_and_many_votes_stay_finite_in_single_precision(loss: Loss) -> None:
    z = torch.tensor([[60.0, -60.0, 0.0], [-80.0, -80.0, -80.0], [85.0, 85.0, 85.0]], requires_grad=True)
    n = torch.tensor([[0.0, 4000.0, 1.0]]).expand(3, 3)
    found = loss(z, n, everywhere(n))
    assert found.dtype == torch.float32
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert z.grad is not None
    assert bool(found.isfinite().all())
    assert bool(z.grad.isfinite().all())
