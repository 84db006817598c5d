"""Regret agrees with numbers by hand and with counting over all sets of possible acts."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from redheart_advanced_regret.regrets import expected_regret, largest_regret, regret_matrix, saturated
from redheart_advanced_regret.scoring import least_regret_agreement, possibility
from redheart_advanced_regret.tree import DecisionTree

U = torch.tensor([[[8.0, 1.0, 4.0], [5.0, 5.0, 5.0], [2.0, 9.0, 3.0]]], dtype=torch.float64)
P = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64)


def test_vectors_r1_to_r4() -> None:
    regrets = regret_matrix(U, torch.ones(1, 3, dtype=torch.float64))
    assert regrets.tolist() == [[[0, 8, 1], [3, 4, 0], [6, 0, 2]]]
    torch.testing.assert_close(expected_regret(regrets, P), torch.tensor([[2.6, 2.7, 3.4]], dtype=torch.float64))
    assert largest_regret(regrets).tolist() == [[8, 4, 6]]
    assert int(largest_regret(regrets).argmin()) == 1


def test_an_act_that_cannot_be_done_is_no_alternative() -> None:
    regrets = regret_matrix(U, torch.tensor([[1.0, 1.0, 0.0]], dtype=torch.float64))
    assert regrets[0, :2].tolist() == [[0, 4, 1], [3, 0, 0]]


def test_probable_acts_count_as_the_mean_over_all_sets() -> None:
    draw = torch.Generator().manual_seed(0)
    u = torch.rand(4, 2, generator=draw, dtype=torch.float64)
    q = torch.rand(4, generator=draw, dtype=torch.float64)
    expected = torch.zeros(4, 2, dtype=torch.float64)
    for able in product((False, True), repeat=4):
        chance = float(torch.where(torch.tensor(able), q, 1 - q).prod())
        for act, state in product(range(4), range(2)):
            best = max([float(u[act, state]), *(float(u[b, state]) for b in range(4) if able[b])])
            expected[act, state] += chance * (best - float(u[act, state]))
    torch.testing.assert_close(regret_matrix(u.unsqueeze(0), q.unsqueeze(0))[0], expected)


def test_gradients_of_regret_are_those_of_finite_differences() -> None:
    draw = torch.Generator().manual_seed(1)
    u = torch.rand(2, 4, 3, generator=draw, dtype=torch.float64, requires_grad=True)
    q = torch.rand(2, 4, generator=draw, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(regret_matrix, (u, q))


def test_regret_of_the_half_size_is_one_half() -> None:
    assert saturated(torch.tensor(0.4), 0.4).item() == 0.5


def test_agreement_counts_possible_acts_alone() -> None:
    target = torch.tensor([[0.3, float("nan"), 0.1], [0.0, 0.0, 0.5]])
    present = ~target.isnan()
    assert least_regret_agreement(torch.tensor([[0.2, -1.0, 0.1], [0.5, 0.1, 0.4]]), target, present) == 1.0
    assert least_regret_agreement(torch.tensor([[0.0, 0.0, 0.1], [0.5, 0.4, 0.1]]), target, present) == 0.0


def test_possibility_rewards_the_acts_that_have_payoffs() -> None:
    payoffs = torch.full((1, 3, 2), float("nan"))
    payoffs[0, 1] = 0.5
    present = ~payoffs.isnan()
    good, bad = torch.tensor([[-9.0, 9.0, -9.0]]), torch.tensor([[9.0, -9.0, 9.0]])
    assert possibility(good, payoffs, present).item() == pytest.approx(0.0, abs=1e-3)
    assert possibility(bad, payoffs, present).item() == pytest.approx(9.0, abs=1e-3)


def test_ways_through_the_tree_follow_its_decisions_and_weigh_the_branches() -> None:
    torch.manual_seed(0)
    tree, case = DecisionTree(width=6, deciders=(8,), branches=(5,), depth=3, scores=2, dropout=0.0), torch.randn(4, 6)
    ways = tree.ways(case)
    root, second, third = (decider(case).sigmoid() for decider in tree.deciders)
    # branch 5 is right, left, right: node 1 of the second level, node 2 of the third
    torch.testing.assert_close(ways[:, 5], root[:, 0] * (1 - second[:, 1]) * third[:, 2])
    torch.testing.assert_close(ways.sum(-1), torch.ones(4))
    scores = tree.branches(case).sigmoid()
    mean = sum(ways[:, [leaf]] * scores[:, leaf] for leaf in range(8))
    torch.testing.assert_close(tree(case), mean)
