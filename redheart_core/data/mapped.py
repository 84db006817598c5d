"""Tensors in safetensors files that are larger than memory: written piece by piece, read memory-mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from redheart_core.storage.files import write_atomically

_TYPES: Mapping[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_BLOCK = 1 << 24
"""Bytes that are written at once."""


def write_tensors(path: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write a safetensors file atomically; equal arrays, equal bytes.

    Args:
        path: Where.
        arrays: Of the types F32, F16, I64, I32, U16 and U8; may be memory-mapped.

    Returns:
        The SHA-256 of the file.

    Raises:
        FileError: Disk full or the like.
    """
    # the widest type first, so that every array begins at a multiple of its own width
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header, end = {}, 0
    for name in names:
        array = arrays[name]
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    digest = hashlib.sha256()

    def write(file: BinaryIO) -> None:
        def put(data: bytes | memoryview) -> None:
            digest.update(data)
            file.write(data)

        put(len(head).to_bytes(8, "little"))
        put(head)
        for name in names:
            flat = arrays[name].reshape(-1).view(np.uint8) if arrays[name].size else np.empty(0, np.uint8)
            for start in range(0, len(flat), _BLOCK):
                put(np.ascontiguousarray(flat[start : start + _BLOCK]).data)

    write_atomically(path, write)
    return digest.hexdigest()


def write_array(path: Path, array: NDArray[np.uint8]) -> None:
    """Write bytes atomically, piece by piece.

    Raises:
        FileError: Disk full or the like.
    """

    def write(file: BinaryIO) -> None:
        for start in range(0, len(array), _BLOCK):
            file.write(array[start : start + _BLOCK].data)

    write_atomically(path, write)


def narrowest(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers from 0 on, in the smallest type that holds them."""
    largest = int(array.max(initial=0))
    for dtype in (np.uint8, np.uint16, np.int32):
        if largest <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array.astype(np.int64)


def map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file as memory-mapped arrays; writing to them changes no file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    tensors: dict[str, NDArray[Any]] = {}
    for name, entry in header.items():
        start, shape, dtype = 8 + size + entry["data_offsets"][0], tuple(entry["shape"]), _TYPES[entry["dtype"]]
        if 0 in shape:
            tensors[name] = np.empty(shape, dtype)
            continue
        # Copy-on-write, since torch warns of read-only memory; a plain array, since slicing a memmap is slow.
        tensors[name] = np.asarray(np.memmap(path, dtype, mode="c", offset=start, shape=shape))
    return tensors
