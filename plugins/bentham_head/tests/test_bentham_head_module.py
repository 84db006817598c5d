"""The six weight layers keep their band and act on the answer."""

from __future__ import annotations

import torch
from torch import Tensor

from redheart_bentham_head.model import WEIGHT_LAYERS, BenthamHead


def inputs(name: str, width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    features = torch.randn(4, width, generator=draw)
    return {f"backbone.{name}": features, "backbone.sequence": torch.randn(4, 3, width, generator=draw), "mask": mask}


def test_layer_weights_keep_their_band_for_any_state() -> None:
    torch.manual_seed(0)
    head = BenthamHead(8, 12, 3, 1, 7, 0.0)
    with torch.no_grad():
        for parameter in head.weight_layers.parameters():
            parameter.mul_(100.0)
        weights = head.layer_weights(1e3 * torch.randn(50, 12))
    assert weights.shape == (50, len(WEIGHT_LAYERS), 3)
    assert 0.3 <= weights.min() < 0.31
    assert 2.49 < weights.max() <= 2.5


def test_weight_layers_change_the_answer() -> None:
    torch.manual_seed(0)
    head, given = BenthamHead(8, 12, 3, 1, 4, 0.0), inputs("bentham", 8)
    before = head(given)["bentham"]
    with torch.no_grad():
        for parameter in head.weight_layers.parameters():
            parameter.add_(1.0)
    assert not torch.allclose(before, head(given)["bentham"], atol=1e-4)
