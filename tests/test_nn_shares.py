"""Counts become shares in one way, whoever learns from them."""

from __future__ import annotations

import torch

from redheart_core import CATALOGUE
from redheart_core.nn.answers import as_shares


def test_counts_become_shares_and_missing_ones_stay_missing() -> None:
    nan = float("nan")
    counts = torch.tensor([[1.0, 2.0, 0.0, 1.0, 0.0], [0.0] * 5, [nan] * 5, [3.0, nan, 1.0, nan, nan]])
    expected = [[0.25, 0.5, 0.0, 0.25, 0.0], [nan] * 5, [nan] * 5, [0.75, nan, 0.25, nan, nan]]
    found = as_shares(CATALOGUE["votes"], counts)
    torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=0, equal_nan=True)


def test_other_numbers_stay_as_they_are() -> None:
    numbers = torch.tensor([[0.5, 2.0, float("nan")]])
    assert as_shares(CATALOGUE["vad"], numbers) is numbers
