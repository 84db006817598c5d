"""Preferences of pairs: against a general minimiser, out-of-fold, and what holds by construction."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from redheart_core import DataError
from redheart_preference.model import Preference
from redheart_preference.pairs import Pairs, Prior, choose, cross_entropy, fit, folds_of, likeness
from redheart_preference.training import majority_accuracy, set_directions


def made_up(count: int = 60, noise: float = 0.3, seed: int = 0) -> Pairs:
    """Pairs of which no two share an act, with shares that follow from the first number of the vectors."""
    draw = np.random.default_rng(seed)
    acts = draw.normal(size=(2 * count, 4))
    acts /= np.linalg.norm(acts, axis=1, keepdims=True)
    first, second = np.arange(count), np.arange(count, 2 * count)
    difference = 3 * (acts[first, 0] - acts[second, 0]) + noise * draw.normal(size=count)
    return Pairs(acts, first, second, 1 / (1 + np.exp(-difference)))


def filled(seed: int = 0) -> Preference:
    module, draw = Preference(6, 3, 3), torch.Generator().manual_seed(seed)
    module.blame.acts.copy_(torch.nn.functional.normalize(torch.randn(6, 3, generator=draw), dim=-1))
    module.blame.weights.copy_(3 * torch.randn(6, generator=draw))
    return module


ACTS = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))


def test_the_fit_is_the_least_of_cross_entropy_and_prior() -> None:
    pairs, prior = made_up(20), Prior(1.0, 2.0)
    alike = likeness(pairs.acts, pairs.acts, 1.0)

    def objective(numbers: np.ndarray) -> float:
        difference = numbers[pairs.first] - numbers[pairs.second]
        inverse = np.linalg.solve(prior.variance * alike + 1e-10 * np.eye(len(alike)), numbers)
        return len(pairs) * cross_entropy(difference, pairs.shares) + float(numbers @ inverse) / 2

    found = alike @ fit(pairs, prior)
    best = minimize(objective, np.zeros(len(pairs.acts)), method="BFGS", options={"gtol": 1e-7})
    assert objective(found) <= best.fun + 1e-5


def test_exchanging_the_acts_of_every_pair_gives_the_same_numbers() -> None:
    pairs, prior = made_up(30), Prior(2.0, 1.0)
    turned = Pairs(pairs.acts, pairs.second, pairs.first, 1 - pairs.shares)
    np.testing.assert_allclose(fit(turned, prior), fit(pairs, prior), atol=1e-9)


def test_out_of_fold_numbers_are_those_of_refits_and_tell_signal_from_noise() -> None:
    pairs = made_up(60)
    folds = folds_of(pairs, np.arange(60))
    prior, numbers = choose(pairs, folds)
    for fold in range(5):
        held = folds == fold
        blame = likeness(pairs.acts, pairs.acts, prior.sharpness) @ fit(pairs.of(~held), prior)
        expected = np.stack([blame[pairs.first[held]], blame[pairs.second[held]]], -1)
        np.testing.assert_array_equal(numbers[held], expected)
    assert cross_entropy(numbers[:, 0] - numbers[:, 1], pairs.shares) < np.log(2) - 0.1
    shuffled = Pairs(pairs.acts, pairs.first, pairs.second, np.random.default_rng(3).permutation(pairs.shares))
    _, numbers = choose(shuffled, folds)
    assert cross_entropy(numbers[:, 0] - numbers[:, 1], shuffled.shares) > np.log(2) - 0.05


def test_no_two_folds_share_an_act() -> None:
    chain = np.arange(50)
    pairs = Pairs(np.eye(60), chain[chain % 6 != 5], chain[chain % 6 != 5] + 1, np.full(42, 0.5))
    folds = folds_of(pairs, np.arange(42))
    acts = [{*pairs.first[folds == fold], *pairs.second[folds == fold]} for fold in range(5)]
    assert all(a.isdisjoint(b) for a, b in itertools.combinations(acts, 2))
    ring = Pairs(np.eye(60), np.arange(60), (np.arange(60) + 1) % 60, np.full(60, 0.5))
    with pytest.raises(DataError, match="60 pairs of acts hang together"):
        folds_of(ring, np.arange(60))


def test_near_duplicates_are_of_one_fold_like_pairs_that_share_acts() -> None:
    pairs, order = made_up(60), np.arange(60) // 3
    folds = folds_of(pairs, order)
    np.testing.assert_array_equal(folds.reshape(20, 3), folds[::3, None].repeat(3, 1))
    np.testing.assert_array_equal(np.bincount(folds), [12] * 5)
    with pytest.raises(DataError, match="as near-duplicates"):
        folds_of(pairs, np.zeros(60, np.int64))


def test_exchanging_two_acts_gives_exactly_one_minus_the_probability() -> None:
    module = filled()
    given = module({"first_act": ACTS[:20], "second_act": ACTS[20:]})["less_ethical"]
    turned = module({"first_act": ACTS[20:], "second_act": ACTS[:20]})["less_ethical"]
    assert torch.equal(turned[:, 0], 1.0 - given[:, 0])
    assert torch.equal(turned, given.flip(-1))
    assert torch.equal(given.sum(-1), torch.ones(20))
    assert not torch.equal(given[:, 0], given[:, 1])
    same = module({"first_act": ACTS, "second_act": ACTS})["less_ethical"]
    assert torch.equal(same, torch.full((40, 2), 0.5))


def test_a_hopeless_case_still_has_a_probability() -> None:
    module = filled()
    module.blame.weights.mul_(1e4)
    given = module({"first_act": ACTS[:20], "second_act": ACTS[20:]})["less_ethical"]
    assert bool((given > 0).all())
    assert torch.equal(given.sum(-1), torch.ones(20))


def test_acts_have_one_order_whatever_pairs_are_asked_for() -> None:
    module, size = filled(), 12
    first, second = torch.tensor(list(itertools.product(range(size), repeat=2))).T
    chance = module({"first_act": ACTS[first], "second_act": ACTS[second]})["less_ethical"][:, 0].reshape(size, size)
    worse = chance > 0.5
    for a, b, c in itertools.permutations(range(size), 3):
        assert not (worse[a, b] and worse[b, c]) or (worse[a, c] and chance[a, c] >= max(chance[a, b], chance[b, c]))


def test_accuracy_counts_majorities_and_ties_half() -> None:
    chance = torch.tensor([[0.7, 0.3], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]])
    votes = torch.tensor([[3.0, 2.0], [5.0, 0.0], [5.0, 0.0], [2.0, 2.0]])
    assert majority_accuracy(chance, votes, torch.ones(4, 2, dtype=torch.bool)) == 0.5


def test_acts_are_compared_in_the_directions_in_which_they_differ_most() -> None:
    acts = np.random.default_rng(4).normal(size=(50, 6)) * np.array([4.0, 3.0, 2.0, 0.01, 0.01, 0.01])
    acts /= np.linalg.norm(acts, axis=1, keepdims=True)
    blame = Preference(50, 6, 3).blame
    set_directions(blame, acts)
    values, vectors = np.linalg.eigh(np.cov(acts, rowvar=False))
    expected = np.abs(np.sum(blame.directions.double().numpy() * vectors[:, ::-1][:, :3], axis=0))
    np.testing.assert_allclose(expected, 1.0, atol=1e-6)
    assert values[-3] > 100 * values[2]
    places = blame.placed(torch.from_numpy(acts))
    np.testing.assert_allclose(places.norm(dim=-1), 1.0, atol=1e-6)
    apart = (torch.from_numpy(acts) - torch.from_numpy(acts).mean(0)) @ blame.directions.double()
    assert torch.allclose(places, torch.nn.functional.normalize(apart, dim=-1), atol=1e-6)


def test_more_directions_than_numbers_are_all_of_them() -> None:
    acts = made_up(20).acts
    blame = Preference(40, 4, 256).blame
    set_directions(blame, acts)
    assert blame.directions.shape == (4, 4)
    turned = blame.placed(torch.from_numpy(acts)).numpy()
    apart = acts - acts.mean(0)
    apart /= np.linalg.norm(apart, axis=1, keepdims=True)
    np.testing.assert_allclose(turned @ turned.T, apart @ apart.T, atol=1e-6)
