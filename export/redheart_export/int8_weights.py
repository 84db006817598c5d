"""Weights of a graph kept as int8 with a scale for each channel, of which the numbers are made when it is opened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 512
"""Numbers of a matrix that is kept so; what a smaller one would save, the operators beside it take."""
MOST = 127
"""Steps of int8 on each side of 0."""
BLOCK = 128
"""Numbers of a channel that share a step: a few of a channel's thousands are ten times as large as the others."""


def keep_weights_as_int8(model: Any) -> int:
    """Replace every float32 matrix, alone or several stacked, by int8 steps and the sizes of a step.

    Biases and the weights of norms are none. A step is the largest number of a block of a channel by 127, to nearest
    (Jacob et al. 2018; in blocks, Dettmers and Zettlemoyer 2023). ONNX Runtime computes the products of constants once,
    when it opens a graph, but for tables of which a text reads a few rows, as of tokens: these have a step for each
    row, and stay int8 in memory too.

    Args:
        model: An onnx.ModelProto, changed in place.

    Returns:
        How many were replaced.
    """
    from onnx import numpy_helper

    graph, users = model.graph, defaultdict[str, list[Any]](list)
    for node in graph.node:
        for name in node.input:
            users[name].append(node)
    before: list[Any] = []
    found = [one for one in graph.initializer if _is_matrix(one)]
    for tensor in found:
        numbers, readers = numpy_helper.to_array(tensor), users[tensor.name]
        rows = _row_readers(tensor.name, readers)
        axis = -2 if not rows and all(_multiplies_columns(tensor.name, node) for node in readers) else -1
        blocks = numbers if rows else _in_blocks(numbers, axis)
        steps, size = _quantized(blocks, axis)
        constants = {f"{tensor.name}.int8": steps, f"{tensor.name}.step": size}
        if rows:
            for node in rows:
                _read_rows(graph, tensor.name, node)
        elif blocks is numbers:
            before += _product(f"{tensor.name}.int8", f"{tensor.name}.step", tensor.name)
        else:
            merged, needed = _merged(tensor.name, numbers.shape, axis)
            before += [*_product(f"{tensor.name}.int8", f"{tensor.name}.step", f"{tensor.name}.blocks"), *merged]
            constants |= needed
        graph.initializer.remove(tensor)
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    own = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(own)
    return len(found)


def _is_matrix(tensor: Any) -> bool:
    from onnx import TensorProto

    sizes: Sequence[int] = tensor.dims
    matrix = len(sizes) == 2 or (len(sizes) > 2 and sizes[-2] > 1)
    return matrix and int(np.prod(sizes)) >= LEAST and tensor.data_type == TensorProto.FLOAT


def _row_readers(name: str, readers: Sequence[Any]) -> list[Any]:
    """Those that read a table, if all of them take its rows."""
    rows = [
        node
        for node in readers
        if node.op_type == "Gather" and node.input[0] == name and not any(one.i for one in node.attribute)
    ]
    return rows if len(rows) == len(readers) else []


def _multiplies_columns(name: str, node: Any) -> bool:
    """Whether each column of a matrix gives one number of the product."""
    if node.input[1] != name:
        return False
    return node.op_type == "MatMul" or (
        node.op_type == "Gemm" and not any(one.i for one in node.attribute if one.name == "transB")
    )


def _in_blocks(numbers: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Channels cut into blocks, with a new axis before the given one, the last filled with 0; short ones as they are.

    Args:
        numbers: Matrices.
        axis: -2 or -1, along which the numbers of a channel lie.
    """
    length = numbers.shape[axis]
    if length <= BLOCK:
        return numbers
    filled = [(0, 0)] * numbers.ndim
    filled[axis] = (0, -length % BLOCK)
    place, sizes = numbers.ndim + axis, numbers.shape
    return np.pad(numbers, filled).reshape(*sizes[:place], -1, BLOCK, *sizes[place + 1 :])


def _merged(name: str, sizes: Sequence[int], axis: int) -> tuple[list[Any], dict[str, NDArray[np.int64]]]:
    """The operators that make a matrix of its blocks, and the constants that these read."""
    from onnx import helper

    whole = list(sizes)
    whole[axis] += -sizes[axis] % BLOCK
    shape = {f"{name}.shape": np.array(whole, np.int64)}
    if whole == list(sizes):
        return [helper.make_node("Reshape", [f"{name}.blocks", f"{name}.shape"], [name], f"{name}.merge")], shape
    ends = {"start": 0, "end": sizes[axis], "axis": axis}
    cut = {f"{name}.{end}": np.array([number], np.int64) for end, number in ends.items()}
    nodes = [
        helper.make_node("Reshape", [f"{name}.blocks", f"{name}.shape"], [f"{name}.filled"], f"{name}.merge"),
        helper.make_node("Slice", [f"{name}.filled", *cut], [name], f"{name}.cut"),
    ]
    return nodes, shape | cut


def _quantized(numbers: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Steps, and the size of one along all axes but the given one."""
    largest = np.abs(numbers).max(axis=axis, keepdims=True)
    size = np.where(largest > 0, largest / MOST, 1).astype(np.float32)
    return np.rint(numbers / size).astype(np.int8), size


def _product(steps: str, size: str, name: str) -> list[Any]:
    """The operators that make float32 numbers of both."""
    from onnx import TensorProto, helper

    return [
        helper.make_node("Cast", [steps], [f"{name}.cast"], f"{name}.cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}.cast", size], [name], f"{name}.product"),
    ]


def _read_rows(graph: Any, name: str, node: Any) -> None:
    """Let a reader of a table's rows take those of the steps and of their sizes."""
    from onnx import helper

    given, place, result = node.input[1], list(graph.node).index(node), node.output[0]
    steps, size = f"{result}.int8", f"{result}.step"
    parts = [
        helper.make_node("Gather", [f"{name}.int8", given], [steps], steps, axis=0),
        helper.make_node("Gather", [f"{name}.step", given], [size], size, axis=0),
    ]
    graph.node.remove(node)
    for one in reversed([*parts, *_product(steps, size, result)]):
        graph.node.insert(place, one)
