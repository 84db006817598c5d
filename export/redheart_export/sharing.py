"""Constants that several graphs hold, such as the weights of one encoder, in files that they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from redheart_core.storage.files import write_bytes

LEAST = 1 << 12
"""Bytes of a constant that is worth sharing."""
ALIGNED = 64
"""A constant begins at a multiple of so many bytes of its file."""


def share_constants(files: Sequence[Path]) -> Mapping[Path, tuple[str, ...]]:
    """Move constants that are in several graphs to files beside them, each once.

    There is a file for each set of graphs that have constants in common, and none holds what a graph does not read.

    Args:
        files: The graphs, in one folder; those that share something are written anew.

    Returns:
        By graph the names of the files that it reads from now on.
    """
    import onnx

    content: dict[str, bytes] = {}
    readers = defaultdict[str, list[Path]](list)
    for file in files:
        for digest, data in {_digest(one): one.raw_data for one in _large(onnx.load(file))}.items():
            content[digest] = data
            readers[digest].append(file)
    together = defaultdict[tuple[Path, ...], list[str]](list)
    for digest, own in readers.items():
        if len(own) > 1:
            together[tuple(own)].append(digest)
    places: dict[str, _Place] = {}
    shared = defaultdict[Path, list[str]](list)
    for own, digests in together.items():
        name, offsets = _write(files[0].parent, [content[one] for one in digests])
        places |= {one: (name, offset) for one, offset in zip(digests, offsets, strict=True)}
        for file in own:
            shared[file].append(name)
    for file in shared:
        model = onnx.load(file)
        for tensor in _large(model):
            if (place := places.get(_digest(tensor))) is not None:
                _refer(tensor, place)
        write_bytes(file, model.SerializeToString())
    return {file: tuple(sorted(shared[file])) for file in files}


_Place = tuple[str, int]
"""A file's name, and where a constant begins in it."""


def _large(model: Any) -> list[Any]:
    return [one for one in model.graph.initializer if len(one.raw_data) >= LEAST]


def _digest(tensor: Any) -> str:
    return sha256(tensor.raw_data).hexdigest()


def _write(folder: Path, constants: Sequence[bytes]) -> tuple[str, list[int]]:
    """Write constants one after another, into a file that is named by what it holds; where each begins."""
    whole, offsets = bytearray(), []
    for one in constants:
        whole += bytes(-len(whole) % ALIGNED)
        offsets.append(len(whole))
        whole += one
    name = f"shared-{sha256(whole).hexdigest()[:16]}.bin"
    write_bytes(folder / name, bytes(whole))
    return name, offsets


def _refer(tensor: Any, place: _Place) -> None:
    """Let a constant stand in a file of its own."""
    from onnx import TensorProto

    name, offset = place
    length = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": name, "offset": str(offset), "length": str(length)}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
