"""Against the exact SURD: known systems have the published shares, and the network comes near on unseen ones."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from redheart_advanced_surd import benchmark
from redheart_advanced_surd.paths import PATHS, ten_shares
from redheart_advanced_surd.systems import (
    collider,
    exact_systems,
    mediator,
    pmf_of_series,
    published_systems,
    random_systems,
)
from redheart_core.exact.surd import decompose

SAMPLES = 100_000


@pytest.mark.parametrize(
    ("simulate", "target", "leak", "bits", "shares"),
    [
        (mediator, 0, 0.336, 1.993, {"U2": 0.989}),
        (mediator, 1, 0.912, 0.264, {"U3": 0.867, "S123": 0.087}),
        (collider, 0, 0.362, 1.915, {"S23": 0.787, "R23": 0.164}),
        (collider, 2, 0.930, None, {"U3": 0.871, "S123": 0.110}),
    ],
)
def test_series_are_those_of_s29_and_s30(
    simulate: object, target: int, leak: float, bits: float | None, shares: dict[str, float]
) -> None:
    """Shares of I with 8 bins, as published (Martinez-Sanchez et al. 2024)."""
    assert callable(simulate)
    found = decompose(pmf_of_series(simulate(SAMPLES, np.random.default_rng(1)), target, 8))
    assert found.leak == pytest.approx(leak, abs=0.02)
    assert bits is None or found.mutual_information == pytest.approx(bits, abs=0.03)
    for term, share in shares.items():
        assert found.terms()[term] / found.mutual_information == pytest.approx(share, abs=0.02)


def test_ten_shares_join_the_synergies_of_two() -> None:
    found = decompose(pmf_of_series(collider(2000, np.random.default_rng(1)), 0, 4)).term_shares()
    ten = dict(zip(PATHS, ten_shares(found), strict=True))
    assert ten["S12+S13+S23"] == pytest.approx(found["S12"] + found["S13"] + found["S23"])
    assert sum(ten.values()) == pytest.approx(1.0)


def test_random_systems_are_distributions_of_all_kinds() -> None:
    systems = random_systems(200, 3, np.random.default_rng(0))
    np.testing.assert_allclose(systems.pmfs.sum((1, 2, 3, 4)), 1.0, atol=1e-5)
    np.testing.assert_allclose(systems.shares.sum(1), 1.0, atol=1e-5)
    assert bool((systems.pmfs >= 0).all())
    dominant = {PATHS[place] for place in systems.shares.argmax(1)}
    assert {"U1", "U2", "U3", "S12+S13+S23", "S123", "leak"} <= dominant
    assert bool((systems.shares[:, :4].sum(1) > 0.2).any())


def test_renamed_systems_have_the_exact_decomposition_of_their_new_names() -> None:
    draw = torch.Generator().manual_seed(0)
    systems = random_systems(3, 3, np.random.default_rng(0))
    seen = set()
    for _ in range(12):
        pmfs, shares = benchmark.renamed(torch.from_numpy(systems.pmfs), torch.from_numpy(systems.shares), draw)
        exact = exact_systems(list(pmfs.double().numpy()))
        np.testing.assert_allclose(shares.numpy(), exact.shares, atol=1e-4)
        seen.add(tuple(shares[0].tolist()))
    assert len(seen) > 2


def test_what_the_network_reads_is_zero_for_an_independent_target_alone() -> None:
    draw = np.random.default_rng(0)
    sources, target = draw.dirichlet(np.ones(27)).reshape(1, 3, 3, 3), draw.dirichlet(np.ones(3))
    independent = torch.from_numpy(target.reshape(3, 1, 1, 1) * sources).float().unsqueeze(0)
    assert benchmark.dependence(independent).abs().max().item() < 1e-6
    dependent = torch.from_numpy(draw.dirichlet(np.ones(81)).reshape(1, 3, 3, 3, 3)).float()
    assert benchmark.dependence(dependent).abs().max().item() > 0.01


def test_distance_is_the_largest_difference_of_any_event() -> None:
    shares, exact = torch.rand(2, 2, 10, generator=torch.Generator().manual_seed(0)).softmax(-1)
    paths, parts = benchmark.distances(shares, exact)
    torch.testing.assert_close(paths, (shares - exact).clamp(min=0).sum(-1))
    assert bool((parts <= paths + 1e-6).all())
    one = torch.eye(10)
    ten = [benchmark.distances(one[[a]], one[[b]])[0].item() for a, b in permutations(range(10), 2)]
    assert ten == [1.0] * 90


def test_the_network_comes_near_the_exact_decomposition_of_systems_that_it_has_not_seen() -> None:
    """With a small budget: the README states what more steps reach."""
    draw = np.random.default_rng(0)
    learnt, held = random_systems(700, 3, draw), random_systems(200, 3, draw)
    named = exact_systems(list(published_systems(20_000, 3, draw).values()))
    network = benchmark.train_network(learnt, 150, 48, 128, 4e-3, seed=0)
    mean = torch.from_numpy(learnt.shares).mean(0)
    for systems, bound in ((held, 0.25), (named, 0.25)):
        exact = torch.from_numpy(systems.shares)
        with torch.no_grad():
            near = benchmark.distances(network(torch.from_numpy(systems.pmfs)).softmax(-1), exact)[0].mean().item()
        constant = benchmark.distances(mean.expand_as(exact), exact)[0].mean().item()
        assert constant > 0.45
        assert near < bound
