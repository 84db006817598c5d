"""Every reading weighs the chunks in its own way and reaches the answer."""

from __future__ import annotations

import torch
from torch import Tensor

from redheart_neural_surd.model import NeuralSurd


def inputs(width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    return {"embedding": torch.randn(4, 3, width, generator=draw), "mask": mask}


def test_every_reading_reaches_the_answer() -> None:
    torch.manual_seed(0)
    module = NeuralSurd(6, 12, 3, 4, 0.0)
    module(inputs(6))["choice_factors"].square().sum().backward()
    assert module.pool.score.grad is not None
    assert bool((module.pool.score.grad != 0).any(-1).all())


def test_readings_differ() -> None:
    torch.manual_seed(0)
    module = NeuralSurd(6, 12, 3, 4, 0.0)
    read = module.pool(module.reasoner(inputs(6)["embedding"]), inputs(6)["mask"])[0]
    assert not torch.allclose(read[0], read[1], atol=1e-5)
