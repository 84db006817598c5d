"""The tree is a distribution over its leaves, and the members are independent."""

from __future__ import annotations

import torch
from torch import Tensor

from redheart_neural_regret.model import NeuralRegret, SoftDecisionTree


def inputs(width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    return {"embedding": torch.randn(4, 3, width, generator=draw), "mask": mask}


def test_ways_through_the_tree_sum_to_one_and_follow_its_decisions() -> None:
    torch.manual_seed(0)
    tree, state = SoftDecisionTree(6, (8,), 3, 0.0), torch.randn(4, 6)
    ways = tree.ways(state)
    torch.testing.assert_close(ways.sum(-1), torch.ones(4))
    root, second, third = (level(state).sigmoid() for level in tree.levels)
    # leaf 5 is right, left, right: node 1 of the second level, node 2 of the third
    torch.testing.assert_close(ways[:, 5], root[:, 0] * (1 - second[:, 1]) * third[:, 2])
    torch.testing.assert_close(tree(state), (ways * tree.leaves.sigmoid()).sum(-1))


def test_the_score_leaves_tree_and_members_to_their_own_losses() -> None:
    module = NeuralRegret(6, 18, 1, 2, 3, 0.0)
    module(inputs(6))["regret"].sum().backward()
    assert all(p.grad is None for part in (module.tree, module.members) for p in part.parameters())
