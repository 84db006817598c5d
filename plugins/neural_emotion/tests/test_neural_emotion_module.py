"""The mixture carries the answer, over what the LSTM has tracked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_neural_emotion.model import NeuralEmotion


def inputs(width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    return {"embedding": torch.randn(4, 3, width, generator=draw), "mask": mask}


@pytest.mark.parametrize("part", ["tracker", "mixture.gate", "fusion.attention.query", "fusion.attention.key"])
def test_every_part_reaches_the_emotion_logits(part: str) -> None:
    torch.manual_seed(0)
    module = NeuralEmotion(6, 12, 2, 2, 3, 7, 0.0)
    module(inputs(6))["emotion_logits"].square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.get_submodule(part).parameters())


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    outputs = NeuralEmotion(6, 12, 2, 1, 3, 7, 0.0)(inputs(6))
    expected = outputs["emotion_logits"].exp() / outputs["emotion_logits"].exp().sum(-1, keepdim=True)
    torch.testing.assert_close(outputs["emotion"], expected)
