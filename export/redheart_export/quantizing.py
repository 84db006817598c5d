"""A graph whose linear layers compute with int8 weights and with activations that are quantized as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LINEAR = ["Gemm", "LSTM", "MatMul"]
"""Operators whose constant weights become int8, with one scale for each output channel."""


def quantize_graph(file: Path) -> bool:
    """Replace a graph by its int8 form (Jacob et al. 2018) where that is the smaller file.

    Weights use 7 of 8 bits, as processors without VNNI saturate the sum of two products of 8 bits. The scale of
    activations is that of all records that are computed together.

    Returns:
        Whether the graph was replaced.
    """
    import onnx

    with _same_search_path():
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    graph, quantized = onnx.load(file), file.with_suffix(".int8")
    add_pre_process_metadata(graph)  # the exporter has inferred shapes and folded constants
    quantize_dynamic(
        graph,
        quantized,
        op_types_to_quantize=LINEAR,
        nodes_to_exclude=_stacked(graph),
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    smaller = quantized.stat().st_size < file.stat().st_size
    if smaller:
        quantized.replace(file)
    else:
        quantized.unlink()
    return smaller


@contextmanager
def _same_search_path() -> Iterator[None]:
    """Inside, ONNX Runtime may add a folder of its own scripts to those where Python looks for modules."""
    own = sys.path[:]
    try:
        yield
    finally:
        sys.path[:] = own


def _stacked(graph: Any) -> list[str]:
    """Names of products with several matrices at once, for which ONNX Runtime has no scale by channel."""
    shapes = {one.name: one.dims for one in graph.graph.initializer}
    return [
        node.name
        for node in graph.graph.node
        if node.op_type == "MatMul" and node.input[1] in shapes and len(shapes[node.input[1]]) != 2
    ]
