"""export.json of an exported model: its graphs, what stayed on PyTorch, and how far its answers are from PyTorch's."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from redheart_core.storage.sealed import SealedFile

EXPORT_FILE = "export.json"


@attrs.frozen
class GraphFile:
    """A checkpoint group as an ONNX graph."""

    file: str
    """Its way from the model folder."""
    sha256: str
    bytes: int
    weights_bytes: int
    """Of the files of weights that it was made from."""
    members: int
    """Checkpoints whose answers it averages."""
    inputs: tuple[str, ...]
    """Names of what it reads: fields, views and "node.output" of other groups; batch, chunks and tokens are dynamic."""
    outputs: tuple[str, ...]
    """"node.output" of what it gives."""


@attrs.frozen
class Difference:
    """How far the numbers of an output are from PyTorch's, over all texts."""

    maximum: float
    mean: float
    numbers: int
    """So many were compared; missing ones (NaN) are missing in both."""


@attrs.frozen
class ExportManifest:
    """What an export added to a model folder."""

    model_sha256: str
    """Of manifest.json beside it."""
    graphs: Mapping[str, GraphFile]
    """By checkpoint group."""
    kept: Mapping[str, str]
    """Groups that PyTorch still answers, with the reason."""
    differences: Mapping[str, Difference]
    """By "node.output"."""
    texts: int
    """So many were compared."""
    source: str
    """Where these are from, for people."""
    versions: Mapping[str, str]
    """Of torch, onnx and onnxruntime."""


EXPORT_MANIFEST = SealedFile(
    ExportManifest, "export", 1, "restore it from a copy, or export the model again with redheart export"
)
