"""Windows of long texts: every token once and in order, frames, padding, and a greatest number."""

from __future__ import annotations

import pytest
import torch

from redheart_core.contract.data import Tokenizer
from redheart_text_transformer.windows import cut

FRAMED = Tokenizer("framed", "", 100, (1,), (2, 3), 0)
PLAIN = Tokenizer("plain", "", 100, (), (), 0)


def texts(*lengths: int) -> torch.Tensor:
    """Texts whose tokens are 10, 11, ..."""
    padded = torch.full((len(lengths), max(*lengths, 1)), -1)
    for row, length in zip(padded, lengths, strict=True):
        row[:length] = torch.arange(10, 10 + length)
    return padded


@pytest.mark.parametrize("tokenizer", [FRAMED, PLAIN])
def test_the_windows_of_a_text_hold_its_tokens_in_order(tokenizer: Tokenizer) -> None:
    lengths = (1, 5, 6, 13, 0, 40)
    found = cut(texts(*lengths), tokenizer, window=8, most=99)
    before, after = list(tokenizer.before), list(tokenizer.after)
    assert found.mask.sum(1).max() <= 8
    for text, length in enumerate(lengths):
        inner: list[int] = []
        for place, window in enumerate(torch.where(found.text == text)[0].tolist()):
            ids = found.ids[window][found.mask[window]].tolist()
            assert found.place[window] == place
            assert ids[: len(before)] == before
            assert ids[len(ids) - len(after) :] == after
            inner += ids[len(before) : len(ids) - len(after)]
        assert inner == list(range(10, 10 + length))
    assert bool((found.ids[~found.mask] == tokenizer.padding).all())


def test_windows_of_a_text_are_nearly_equally_long() -> None:
    found = cut(texts(11), PLAIN, window=10, most=9)
    assert found.mask.sum(1).tolist() == [6, 5]


def test_no_more_windows_than_allowed_are_read() -> None:
    found = cut(texts(40, 3), FRAMED, window=8, most=2)
    assert found.text.tolist() == [0, 0, 1]
    assert found.ids[found.text == 0].flatten().tolist() == [1, *range(10, 15), 2, 3, 1, *range(15, 20), 2, 3]
