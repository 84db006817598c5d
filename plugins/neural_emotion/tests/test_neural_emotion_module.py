"""The answer is the mean of the trajectory, over what the LSTM has tracked; culture is learnt where it is labelled."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import BuildContext, Field
from redheart_core.testing import build_context, random_inputs
from redheart_neural_emotion import redheart_provide_analyzers
from redheart_neural_emotion.model import NeuralEmotion
from redheart_neural_emotion.training import build, objective

SHAPES = {"embedding": ("T", 6)}


def context(*names: str, **changes: Field) -> BuildContext:
    (spec,) = redheart_provide_analyzers()
    return build_context(spec, names, SHAPES, changes)


def inputs() -> dict[str, Tensor]:
    return random_inputs(SHAPES)


@pytest.mark.parametrize(
    "part", ["tracker", "mixture.gate", "readings.emotion", "fusion.attention.query", "fusion.attention.key"]
)
def test_every_part_reaches_the_emotion_logits(part: str) -> None:
    torch.manual_seed(0)
    module = NeuralEmotion(
        width_in=6,
        width=12,
        heads=2,
        recurrent_layers=2,
        experts=3,
        labels=7,
        culture=0,
        dropout=0.0,
        input_dropout=0.0,
        skip_dropout=0.0,
    )
    module(inputs())["emotion_logits"].square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.get_submodule(part).parameters())


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    outputs = build(context("emotion"))(inputs())
    expected = outputs["emotion_logits"].exp() / outputs["emotion_logits"].exp().sum(-1, keepdim=True)
    torch.testing.assert_close(outputs["emotion"], expected)


def test_the_logits_are_the_mean_of_the_trajectory_over_the_real_chunks() -> None:
    torch.manual_seed(0)
    given = inputs()
    outputs = build(context("emotion")).eval()(given)
    for row, length in enumerate([3, 1, 2, 3]):
        torch.testing.assert_close(outputs["emotion_logits"][row], outputs["trajectory"][row, :length].mean(0))
    first, second = outputs["trajectory"][0, :2]
    assert not torch.allclose(first, second, atol=1e-3)


def test_the_trajectory_learns_from_the_loss_of_the_text() -> None:
    torch.manual_seed(0)
    module, given, target = build(context("emotion")), inputs(), torch.eye(7)[[0, 2, 5, 6]]
    (term,) = objective(context("emotion")).losses
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    before = module.eval()(given)["trajectory"][:, 0].softmax(-1)[range(4), [0, 2, 5, 6]].mean()
    for _ in range(30):
        optimizer.zero_grad()
        loss = term.function(module.train()(given)["emotion_logits"], target, target >= 0).mean()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        optimizer.step()
    after = module.eval()(given)["trajectory"][:, 0].softmax(-1)[range(4), [0, 2, 5, 6]].mean()
    assert after > before + 0.3
