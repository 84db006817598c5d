"""The posterior is Bayes' rule for Gaussians, and its intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from redheart_advanced_regret.posterior import PRECISION, Posterior, gaussian_surprise, smallest_deviation
from redheart_core.nn.layers import band

NINETY = 1.6448536269514722
"""Standard deviations to each side that hold 90 % of a normal distribution."""


def test_posterior_is_the_normalised_product_of_prior_and_likelihoods() -> None:
    torch.manual_seed(0)
    posterior, state = Posterior(12, 2, 0, 0.0), torch.randn(1, 12)
    estimates = torch.tensor([[0.2, 0.7]])
    with torch.no_grad():
        mean, deviation = posterior(state, estimates)[0].double().tolist()
        known = posterior.deep(torch.cat([state, estimates], -1))
        precisions = band(torch.cat([posterior.prior[1:], posterior.likelihood(known)[0]]), *PRECISION)
        means = torch.cat([posterior.prior[:1].sigmoid(), estimates[0]])
    assert len(set(precisions.tolist())) == 3
    grid = np.linspace(-3, 4, 400_001)
    density = sum(norm.logpdf(grid, m, p**-0.5) for m, p in zip(means.tolist(), precisions.tolist(), strict=True))
    weights = np.exp(density - density.max())
    weights /= weights.sum()
    assert mean == pytest.approx(float((weights * grid).sum()), abs=1e-5)
    assert deviation == pytest.approx(float((weights * (grid - mean) ** 2).sum() ** 0.5), abs=1e-5)


def test_surprise_is_the_negative_log_likelihood_but_for_a_constant() -> None:
    floor = smallest_deviation(3)
    prediction = torch.tensor([[0.3, 0.1], [0.9, 0.4], [0.5, floor]])
    target = torch.tensor([0.5, 0.1, 0.5])
    loss = gaussian_surprise(floor)(prediction, target, torch.ones(3, dtype=torch.bool))
    mean, deviation = prediction.double().numpy().T
    expected = norm.logpdf(0.0, 0.0, floor) - norm.logpdf(target.double().numpy(), mean, deviation)
    torch.testing.assert_close(loss.double(), torch.from_numpy(expected), rtol=1e-5, atol=1e-5)
    assert loss[2].item() == 0.0


def test_surprise_at_overconfidence_is_large() -> None:
    floor = smallest_deviation(3)
    given = gaussian_surprise(floor)(torch.tensor([[0.9, floor]]), torch.tensor([0.1]), torch.ones(1, dtype=torch.bool))
    assert given.item() > 1000


def test_ninety_percent_intervals_hold_ninety_percent_where_noise_depends_on_the_record() -> None:
    """Noise of 0.02 to 0.14 around a curve, 1,000 records to learn from and 2,000 others to judge by."""
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(1)

    def problem(count: int) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.rand(count, generator=draw) * 2 - 1
        noise = 0.02 + 0.12 * (x > 0) * x
        y = 0.5 + 0.2 * (3 * x).sin() + noise * torch.randn(count, generator=draw)
        angles = x.unsqueeze(-1) * torch.arange(1.0, 7.0)
        return torch.cat([angles.sin(), angles.cos()], -1), y, x

    reading = nn.Sequential(nn.Linear(12, 16), nn.GELU(), nn.Linear(16, 2))
    posterior = Posterior(12, 2, 0, 0.0)
    optimizer = torch.optim.Adam([*reading.parameters(), *posterior.parameters()], 1e-2)
    features, y, _ = problem(1000)
    for _ in range(150):
        optimizer.zero_grad()
        given = posterior(features, reading(features).sigmoid())
        loss = gaussian_surprise(smallest_deviation(2))(given, y, ~y.isnan()).mean()
        loss.backward()  # type: ignore[no-untyped-call] # torch declares no types for it
        optimizer.step()
    features, y, x = problem(2000)
    with torch.no_grad():
        mean, deviation = posterior(features, reading(features).sigmoid()).unbind(-1)
    inside = ((y - mean).abs() <= NINETY * deviation).float()
    for part in (inside, inside[x < 0], inside[x > 0]):
        assert 0.84 <= float(part.mean()) <= 0.96
    assert float(deviation[x > 0.8].mean()) > 3 * float(deviation[x < 0].mean())
