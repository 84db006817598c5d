"""The views are ordered and the uncertainty is the spread of the members."""

from __future__ import annotations

import torch
from torch import Tensor

from redheart_regret_head.model import RegretHead


def head_of(members: int = 3) -> RegretHead:
    return RegretHead(
        width_in=8,
        width_embedding=8,
        width=12,
        heads=2,
        recurrent_layers=1,
        members=members,
        dropout=0.0,
        skip_dropout=0.0,
    )


def inputs(width: int = 8) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    features = torch.randn(4, width, generator=draw)
    sequence, embedding = torch.randn(2, 4, 3, width, generator=draw)
    return {"backbone.regret": features, "backbone.sequence": sequence, "embedding": embedding, "mask": mask}


def test_views_are_ordered_whatever_the_weights() -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        head = head_of()
        with torch.no_grad():
            for parameter in head.views.parameters():
                parameter.mul_(1.5)
            head.skips.get_parameter("maps.views.weight").normal_()
        low, middle, high = head(inputs())["views"].unbind(-1)
        assert bool((low <= middle).all() and (middle <= high).all())


def test_uncertainty_is_the_standard_deviation_of_the_members() -> None:
    torch.manual_seed(0)
    outputs = head_of(members=5)(inputs())
    expected = outputs["members"].detach().numpy().std(axis=1)
    torch.testing.assert_close(outputs["uncertainty"].detach(), torch.from_numpy(expected))


def test_members_and_views_learn_from_their_own_losses_alone() -> None:
    head = head_of()
    head(inputs())["regret"].sum().backward()
    assert all(p.grad is None for part in (head.views, head.members) for p in part.parameters())
