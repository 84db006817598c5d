"""Each factor has a network of its own beside the shared one."""

from __future__ import annotations

import torch
from torch import Tensor

from redheart_surd_head.model import SurdHead


def inputs(name: str, width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    features = torch.randn(4, width, generator=draw)
    return {f"backbone.{name}": features, "backbone.sequence": torch.randn(4, 3, width, generator=draw), "mask": mask}


def test_a_factor_network_moves_its_own_factor_alone() -> None:
    torch.manual_seed(0)
    head, given = SurdHead(8, 18, 2, 1, 4, 0.0), inputs("surd", 8)
    before = head(given)["choice_factors"]
    with torch.no_grad():
        for name, parameter in head.factors.named_parameters():
            parameter.view(4, -1)[2].add_(0.0 if "weight" in name else 0.5)
    after = head(given)["choice_factors"]
    assert torch.equal(before[:, [0, 1, 3]], after[:, [0, 1, 3]])
    assert bool((before[:, 2] != after[:, 2]).all())
