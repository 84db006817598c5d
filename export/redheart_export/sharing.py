"""Constants that several graphs hold, such as the tokens' vectors of one encoder, in files that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from redheart_core.storage.files import write_bytes

LEAST = 1 << 20
"""Bytes of a constant that is worth a file."""


def share_constants(files: Sequence[Path]) -> Mapping[Path, tuple[str, ...]]:
    """Move large constants that are in several graphs to files beside them, each once.

    Args:
        files: The graphs, in one folder; those that share something are written anew.

    Returns:
        By graph the names of the files that it reads from now on.
    """
    import onnx

    digests = {file: [_digest(one) for one in _large(onnx.load(file))] for file in files}
    graphs = Counter(digest for own in digests.values() for digest in set(own))
    names = {digest: f"shared-{digest[:16]}.bin" for digest, number in graphs.items() if number > 1}
    shared = {file: tuple(sorted({names[one] for one in own if one in names})) for file, own in digests.items()}
    for file in (one for one, own in shared.items() if own):
        model = onnx.load(file)
        for tensor in _large(model):
            if (name := names.get(_digest(tensor))) is not None:
                write_bytes(file.parent / name, tensor.raw_data)
                _refer(tensor, name)
        write_bytes(file, model.SerializeToString())
    return shared


def _large(model: Any) -> list[Any]:
    return [one for one in model.graph.initializer if len(one.raw_data) >= LEAST]


def _digest(tensor: Any) -> str:
    return sha256(tensor.raw_data).hexdigest()


def _refer(tensor: Any, name: str) -> None:
    """Let a constant stand in a file of its own."""
    from onnx import TensorProto

    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", name
