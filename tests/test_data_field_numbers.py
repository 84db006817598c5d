"""Numbers of fields on disk: the smallest form, and the very same bits when they are read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from redheart_core.data import field_numbers
from redheart_core.data.field_numbers import FieldNumbers, map_fields, write_fields

DRAW = np.random.default_rng(0)
NAN = math.nan
OTHER_NAN = np.array([0xFFC00001], np.uint32).view(np.float32)


def of(values: list[float], *shape: int) -> NDArray[np.float32]:
    """Numbers of a shape, drawn from some values; each of these occurs."""
    found = DRAW.choice(np.array(values, np.float32), shape)
    found.reshape(-1)[: len(values)] = values
    return found


@pytest.mark.parametrize(
    ("numbers", "size"),
    [
        (of([0, 1], 1000, 5), 625 + 8),
        (of([0, 1], 1001), 126 + 8),
        (of([0, 1, NAN], 1000, 5), 1250 + 12),
        (of([NAN], 1000, 2), 250 + 4),
        (of([0, 1 / 3, 2 / 3, 1, NAN], 1001, 3), 1502 + 20),
        (of([k / 100 for k in range(101)], 1000, 2, 3), 6000 + 404),
        (of([k / 1000 for k in range(1001)], 4000), 8000 + 4004),
        (DRAW.normal(size=(500, 3)).astype(np.float32), 6000),
        (np.concatenate([of([0.0, -0.0, NAN], 998, 7), np.tile(OTHER_NAN, (1, 7))]), 1749 + 16),
        (of([0, 1, 2], 3), 12),
    ],
    ids=["labels", "label", "missing", "all-missing", "thirds", "hundredths", "thousandths", "any", "patterns", "few"],
)
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_numbers_are_read_bit_for_bit_from_the_smallest_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: NDArray[np.float32], size: int, block: int
) -> None:
    monkeypatch.setattr(field_numbers, "_BLOCK", block)
    write_fields(tmp_path / "fields", {"mood": numbers, "regret": of([0, 1], 9)}, tmp_path)
    assert sum(array.nbytes for array in FieldNumbers.encode(numbers).arrays("mood").values()) == size
    found = map_fields(tmp_path / "fields", {"mood": numbers.shape[1:], "regret": ()})["mood"]
    for rows in (np.arange(len(numbers)), np.array([2, 0, 2]), np.empty(0, np.int64)):
        read = found[torch.from_numpy(rows)]
        assert read.shape == (len(rows), *numbers.shape[1:])
        assert np.array_equal(read.numpy().view(np.uint32), numbers[rows].view(np.uint32))


def test_what_is_read_is_fresh_memory() -> None:
    for numbers in (of([0, 1], 100), DRAW.normal(size=100).astype(np.float32)):
        found, rows = FieldNumbers.encode(numbers), torch.arange(100)
        found[rows].fill_(7.0)
        assert np.array_equal(found[rows].numpy(), numbers)


@pytest.mark.parametrize("rows", [torch.tensor([-1]), torch.tensor([True] * 100), torch.tensor([1000])])
@pytest.mark.parametrize("numbers", [of([0, 1], 100), DRAW.normal(size=100).astype(np.float32)])
def test_other_rows_are_refused(rows: torch.Tensor, numbers: NDArray[np.float32]) -> None:
    with pytest.raises(IndexError):
        FieldNumbers.encode(numbers)[rows]


def test_a_field_with_more_values_than_codes_is_stored_as_it_is() -> None:
    numbers = np.arange(70_000, dtype=np.float32).repeat(10)
    found = FieldNumbers.encode(numbers)
    assert [array.dtype for array in found.arrays("mood").values()] == [np.float32]
    assert np.array_equal(found[torch.arange(len(numbers))].numpy(), numbers)
