"""export.json of an exported model: its graphs, what stayed on PyTorch, and how far its answers are from PyTorch's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from redheart_core.exact.interval import Interval
from redheart_core.models.manifest import ModelManifest
from redheart_core.storage.sealed import SealedFile

EXPORT_FILE = "export.json"
Precision = Literal["float32", "int8 weights", "int8 products"]
"""Of a graph's numbers: int8 weights are kept so and computed with as float32; int8 products are the large ones among
those of weights, and others are computed with as float32."""


@attrs.frozen
class GraphFile:
    """A checkpoint group as an ONNX graph."""

    file: str
    """Its way from the model folder."""
    sha256: str
    bytes: int
    shared: Mapping[str, str]
    """Files of constants that other graphs have too, with their SHA-256; not in bytes."""
    precision: Precision
    float32_bytes: int
    """Of the graph as float32 with all its constants, without what was pruned."""
    weights_bytes: int
    """Of the files of weights that it was made from."""
    members: int
    """Checkpoints whose answers it averages."""
    hidden_units: int
    """Of the feed-forward blocks of all members, before any is removed; 0 if there is no such block."""
    left_units: int
    """As many of these as the graph has."""
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
class PointsCost:
    """A metric that is best at 1, times 100, on the validation records of the run."""

    metric: str
    """"node.metric"."""
    pytorch: float
    exported: float
    difference: Interval
    """Exported less PyTorch's, with the interval of the paired difference over records."""


@attrs.frozen
class QualityCost:
    """What a group loses on the validation records of its run."""

    pytorch: float
    """Validation loss by PyTorch: what the run recorded, to the last bit where it was trained."""
    exported: float
    """By the exported model."""
    difference: Interval
    """Exported less PyTorch's, with the interval of the paired difference over records."""
    points: tuple[PointsCost, ...]
    """Of each answer the first metric that is best at 1, such as accuracy or explained variance."""


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
    costs: Mapping[str, QualityCost]
    """By checkpoint group, of an export that is pruned or has int8; empty where no run was at hand, and otherwise."""
    pruned: float
    """Share of the hidden units of each feed-forward block that was removed; 0 if nothing was."""
    pruned_on: str
    """The records by whose activations units were chosen, for people; empty if nothing was pruned."""
    source: str
    """Where these are from, for people."""
    versions: Mapping[str, str]
    """Of torch, onnx and onnxruntime."""


EXPORT_MANIFEST = SealedFile(
    ExportManifest, "export", 4, "restore it from a copy, or export the model again with redheart export"
)


def files_of(manifest: ModelManifest, exported: ExportManifest) -> Mapping[str, str]:
    """The graphs, what they share, and the weights of groups without one, with their SHA-256."""
    graphs = {one.file: one.sha256 for one in exported.graphs.values()}
    graphs |= {file: digest for one in exported.graphs.values() for file, digest in one.shared.items()}
    kept = [manifest.groups[name] for name in exported.kept]
    return {**graphs, **{one.file: one.sha256 for group in kept for one in group.files}}
