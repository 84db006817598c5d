"""The greatest value of each filter: places of a text alone count, and a filter is what it is by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from redheart_core import CATALOGUE
from redheart_text_convolution.model import TextConvolution

FIELDS = {"regret": CATALOGUE["regret"], "ekman": CATALOGUE["ekman"]}


def network(tokens: int = 100) -> TextConvolution:
    torch.manual_seed(0)
    module = TextConvolution(
        size=20, width=4, filters=3, longest=2, tokens=tokens, fields=FIELDS, token_dropout=0.5, dropout=0.0
    )
    return module.eval()


def test_filters_are_those_by_hand() -> None:
    module, text = network(), torch.tensor([[3, 7, 5]])
    words = module.embedding(text[0])
    state = module.state_dict()
    one, two = (state[f"convolutions.{number}.weight"] for number in range(2))
    biases = [state[f"convolutions.{number}.bias"] for number in range(2)]
    after = torch.cat([words[1:], torch.zeros(1, 4)])
    single = words @ one[..., 0].T + biases[0]
    pairs = words @ two[..., 0].T + after @ two[..., 1].T + biases[1]
    expected = F.gelu(torch.cat([single.amax(0), pairs.amax(0)]))
    torch.testing.assert_close(module.features(text)[0], expected)


def test_padding_and_a_text_without_tokens() -> None:
    module = network()
    padded = module.features(torch.tensor([[3, 7, -1, -1], [-1, -1, -1, -1]]))
    torch.testing.assert_close(padded[0], module.features(torch.tensor([[3, 7]]))[0])
    assert padded.isfinite().all()


def test_a_text_is_read_so_far_as_allowed() -> None:
    one, other = torch.tensor([[3, 7, 5]]), torch.tensor([[3, 7, 9]])
    assert torch.equal(network(2).features(one), network(2).features(other))
    assert not torch.equal(network(3).features(one), network(3).features(other))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_tokens_are_left_out_in_training_alone(length: int) -> None:
    module, text = network(), torch.arange(1, 1 + length).repeat(30, 1)
    assert bool((module.features(text) == module.features(text)[0]).all())
    found = module.train().features(text)
    assert bool((found != found[0]).any())
