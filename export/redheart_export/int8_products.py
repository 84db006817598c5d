"""Large products of a graph that ONNX Runtime computes with int8."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 256
"""Rows and columns of weights that are worth it; below, quantizing what comes in takes as long as it saves."""
BLOCK = 32
"""Rows of weights that share a step, and numbers of an activation likewise, so that no record depends on another."""
MOST = 127
ZERO = 128
"""What stands for 0, as steps have no sign."""
INT8 = 4
"""The accuracy_level of MatMulNBits at which activations are quantized to int8 too."""
SMALLEST = 2.0**-14
"""A step, at the least: below, float16 has fewer digits."""


def compute_with_int8(model: Any) -> int:
    """Replace large products with constants by ONNX Runtime's MatMulNBits.

    Weights are quantized in blocks of a column (Dettmers and Zettlemoyer 2023), activations in blocks of a row as they
    come, both to int8. Steps are kept in float16.

    Args:
        model: An onnx.ModelProto, changed in place.

    Returns:
        How many were replaced.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    constants = {one.name: one for one in graph.initializer}
    large = [node for node in graph.node if node.op_type == "MatMul" and _is_large(constants.get(node.input[1]))]
    for name in sorted({node.input[1] for node in large}):
        steps, size = _in_blocks(numpy_helper.to_array(constants[name]))
        graph.initializer.append(numpy_helper.from_array(steps, f"{name}.blocks"))
        graph.initializer.append(numpy_helper.from_array(size.reshape(-1), f"{name}.half"))
        cast = helper.make_node("Cast", [f"{name}.half"], [f"{name}.steps"], f"{name}.steps", to=TensorProto.FLOAT)
        graph.node.insert(0, cast)
    for node in large:
        name = node.input[1]
        rows, columns = constants[name].dims
        node.op_type, node.domain = "MatMulNBits", "com.microsoft"
        node.input[:] = [node.input[0], f"{name}.blocks", f"{name}.steps"]
        settings = {"K": rows, "N": columns, "bits": 8, "block_size": BLOCK, "accuracy_level": INT8}
        node.attribute.extend(helper.make_attribute(key, value) for key, value in settings.items())
    read = {name for node in graph.node for name in node.input}
    for tensor in [one for one in graph.initializer if one.name not in read]:
        graph.initializer.remove(tensor)
    if large and not any(one.domain == "com.microsoft" for one in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return len(large)


def _is_large(tensor: Any) -> bool:
    from onnx import TensorProto

    if tensor is None or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2:
        return False
    return bool(min(tensor.dims) >= LEAST)


def _in_blocks(numbers: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """(K, N) to the steps of each column's blocks, (N, K / BLOCK, BLOCK), and the size of one, (N, K / BLOCK)."""
    rows, columns = numbers.shape
    filled = np.zeros((-(-rows // BLOCK) * BLOCK, columns), np.float32)
    filled[:rows] = numbers
    blocks = filled.T.reshape(columns, -1, BLOCK)
    size = np.maximum(np.abs(blocks).max(-1) / MOST, SMALLEST).astype(np.float16)
    steps = np.rint(blocks / size[..., None].astype(np.float32)).clip(-MOST, MOST)
    return (steps + ZERO).astype(np.uint8), size
