"""Check that a node's module leaves PyTorch: exported to ONNX, and computed by ONNX Runtime at other sizes."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from redheart_core.contract.errors import PluginError
from redheart_core.data.batch import Batch
from redheart_core.groups.exporting import dynamic_axes, to_onnx
from redheart_core.testing.plugin import ConformanceError, NotApplicable, require
from redheart_core.testing.subject import Subject

LIBRARIES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4
"""ONNX Runtime sums in another order; as for the other checks, what is wrong is further off."""
TRACED = (range(5), 2, 300)
"""Records, chunks and tokens of the batch that is exported."""
COMPUTED = ((range(1), 1, 1), (range(8), 3, 70))
"""Of those that are compared: the smallest batch that there is, and one of other sizes."""


def check_exports_to_onnx(subject: Subject) -> None:
    """ONNX Runtime computes the same from the exported graph, whatever the sizes; or the node says why not."""
    for node in subject.group.nodes:
        if node.spec.not_exported:
            raise NotApplicable(f"'{node.name}' stays on PyTorch: {node.spec.not_exported}")
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise NotApplicable(f"{', '.join(missing)} not installed (pip install 'redheart[export]')")
    from onnxruntime import InferenceSession

    module = subject.module().eval()
    with torch.no_grad():
        try:
            session = InferenceSession(to_onnx(module, _batch(subject, *TRACED).inputs))
        except PluginError as error:
            raise ConformanceError(f"plugin '{subject.name}': {error}") from error
        names = [one.name for one in session.get_outputs()]
        for rows, chunks, tokens in COMPUTED:
            batch = _batch(subject, rows, chunks, tokens)
            feeds = {one.name: batch.inputs[one.name].numpy() for one in session.get_inputs()}
            found = dict(zip(names, session.run(None, feeds), strict=True))
            for name, expected in subject.own(module(batch)).items():
                what = f"output '{name}' of {batch.size} records with {batch.chunks} chunks"
                _require_same(subject, what, expected, torch.from_numpy(found[name]))


def _require_same(subject: Subject, what: str, expected: Tensor, got: Tensor) -> None:
    require(
        subject.plugin,
        got.shape == expected.shape,
        f"{what} has the shape {tuple(got.shape)} in ONNX Runtime, {tuple(expected.shape)} in PyTorch",
    )
    require(
        subject.plugin,
        torch.allclose(expected, got, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True),
        f"{what} is off by {float((expected - got).abs().max()):.2g} in ONNX Runtime",
    )


def _batch(subject: Subject, rows: range, chunks: int, tokens: int) -> Batch:
    """So many records, chunks and tokens; what the sample's texts do not have is padded."""
    batch = subject.batch(rows)
    sizes = {"T": chunks, "L": tokens}
    inputs = {}
    for name, tensor in batch.inputs.items():
        for axis, size in dynamic_axes(name, subject.shapes).items():
            tensor = _sized(tensor, axis, sizes[size], -1 if name == "tokens" else 0)
        inputs[name] = tensor
    return Batch(inputs, batch.targets)


def _sized(tensor: Tensor, axis: int, size: int, filler: int) -> Tensor:
    """Cut or filled along an axis."""
    shape = list(tensor.shape)
    shape[axis] = max(size - shape[axis], 0)
    return torch.cat([tensor, tensor.new_full(shape, filler)], axis).narrow(axis, 0, size)
