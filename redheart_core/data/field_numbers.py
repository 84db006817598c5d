"""The numbers of a field on disk, as codes in a table of those that occur, read back bit for bit.

Labels take few values: 0, 1 and missing are two bits each, ratings with two decimals a byte. A field with so many
values that codes would save nothing is stored as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.data.mapped import map_tensors, write_tensors
from redheart_core.data.spool import Spool

_WIDTHS = (1, 2, 4, 8, 16)
"""Bits that a code may have."""
_BLOCK = 1 << 20
"""Numbers that are coded or read together, which bounds the memory beside the result; a multiple of 8."""
_TABLE = ".table"
"""Ends the name of a table of values; a field's name has no dot."""


class FieldNumbers:
    """(N, *shape) float32, NaN where missing; rows are decoded when they are asked for."""

    def __init__(self, codes: NDArray[Any], table: NDArray[np.float32] | None, shape: tuple[int, ...]) -> None:
        """Use encode or map_fields.

        Args:
            codes: (C,) bytes with one or more codes each, the first in the lowest bits, or uint16; without a table the
                numbers themselves.
            table: (V,) what the codes stand for.
            shape: Of a record's numbers.
        """
        self._codes = codes
        self._table = table
        self._shape = shape
        self._size = int(np.prod(shape, dtype=np.int64))
        self._per_byte = 1 if table is None else max(1, 8 // _width(len(table)))

    @classmethod
    def encode(cls, numbers: NDArray[np.float32], scratch: Path | None = None) -> Self:
        """Find the smallest form of (N, *shape) numbers, a block at a time.

        Args:
            numbers: May be memory-mapped.
            scratch: Folder for unnamed files.

        Raises:
            FileError: Disk full or the like.
        """
        shape, bits = numbers.shape[1:], numbers.reshape(-1).view(np.uint32)
        values = _values(bits)
        if values is None or -(-len(bits) * _width(len(values)) // 8) + values.nbytes >= bits.nbytes:
            return cls(bits.view(np.float32), None, shape)
        width = _width(len(values))
        codes = Spool(np.uint16 if width == 16 else np.uint8, (), scratch)
        for block in _blocks(bits):
            codes.append(_pack(np.searchsorted(values, block), width))
        return cls(codes.array(), values.view(np.float32), shape)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Those of some records, (B, *shape) in fresh memory.

        Args:
            rows: (B,) int64, not negative.

        Raises:
            IndexError: Other rows.
        """
        if rows.dtype != torch.int64 or (len(rows) and int(rows.min()) < 0):
            raise IndexError(f"rows have to be int64 from 0 on, got {rows}")
        places, found = rows.numpy(), np.empty((len(rows), self._size), np.float32)
        step = max(1, _BLOCK // max(1, self._size))
        for start in range(0, len(places), step):
            found[start : start + step] = self._read(places[start : start + step])
        return torch.from_numpy(found.reshape(len(rows), *self._shape))

    def _read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, K) of some records."""
        if self._per_byte == 1:
            codes = self._codes.reshape(-1, self._size)[rows]
        else:
            width = 8 // self._per_byte
            bytes_, places = np.divmod(rows[:, None] * self._size + np.arange(self._size), self._per_byte)
            codes = (self._codes[bytes_] >> (places * width).astype(np.uint8)) & np.uint8((1 << width) - 1)
        return codes if self._table is None else self._table[codes]

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """What is stored under the name of the field."""
        if self._table is None:
            return {name: self._codes}
        return {name: self._codes, name + _TABLE: self._table}


def write_fields(path: Path, fields: Mapping[str, NDArray[np.float32]], scratch: Path) -> None:
    """Write (N, *shape) numbers by field.

    Raises:
        FileError: Disk full or the like.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, numbers in fields.items():
        arrays |= FieldNumbers.encode(numbers, scratch).arrays(name)
    write_tensors(path, arrays)


def map_fields(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, FieldNumbers]:
    """Open what write_fields wrote, memory-mapped.

    Args:
        path: Where.
        shapes: Of a record's numbers, by field.
    """
    arrays = map_tensors(path)
    return {name: FieldNumbers(arrays[name], arrays.get(name + _TABLE), shape) for name, shape in shapes.items()}


def _width(values: int) -> int:
    """The bits of a code that tells so many values apart."""
    return next(width for width in _WIDTHS if values <= 1 << width)


def _values(bits: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
    """Which bit patterns occur, ascending; None if they are more than codes tell apart."""
    found = np.empty(0, np.uint32)
    for block in _blocks(bits):
        found = np.union1d(found, block)
        if len(found) > 1 << _WIDTHS[-1]:
            return None
    return found


def _blocks(bits: NDArray[np.uint32]) -> Iterator[NDArray[np.uint32]]:
    return (bits[start : start + _BLOCK] for start in range(0, len(bits), _BLOCK))


def _pack(codes: NDArray[np.int64], width: int) -> NDArray[Any]:
    """Codes to bytes, the last one filled with zeros, or to uint16."""
    if width == 16:
        return codes.astype(np.uint16)
    filled = np.zeros(-(-len(codes) * width // 8) * (8 // width), np.uint8)
    filled[: len(codes)] = codes
    shifts = np.arange(0, 8, width, dtype=np.uint8)
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(filled.reshape(-1, len(shifts)) << shifts, axis=1)
    return packed
