"""A graph with int8 weights, and with activations that are quantized as they come where products are large."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redheart_core.storage.files import remove_file, write_bytes
from redheart_export.int8_weights import keep_weights_as_int8
from redheart_export.manifest import Precision
from redheart_export.short_names import shorten_names

LINEAR = ("Gemm", "MatMul")
"""Operators that compute with int8 where their weights are constants."""
LARGE = 1 << 17
"""Numbers of weights above which a product by int8 takes less time than by float32, the quantization of what comes in
included; a processor reads a quarter of the bytes."""


def quantize_graph(file: Path) -> Precision:
    """Replace a graph by its int8 form (Jacob et al. 2018) where that is the smaller file.

    Every matrix is kept as int8. Large linear layers compute with it too: their weights use 7 of 8 bits, as processors
    without VNNI saturate the sum of two products of 8 bits, and activations get one scale for all records that are
    computed together.

    Returns:
        What its numbers are now.
    """
    import onnx

    model = onnx.load(file)
    large = _large_products(model)
    if large:
        model = _with_int8_products(model, large, file)
    kept = keep_weights_as_int8(model)
    shorten_names(model)
    content = model.SerializeToString()
    if not (large or kept) or len(content) >= file.stat().st_size:
        return "float32"
    write_bytes(file, content)
    return "int8 products" if large else "int8 weights"


def _large_products(model: Any) -> list[str]:
    """Names of the linear layers that compute with int8."""
    sizes = {one.name: one.dims for one in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in LINEAR
        and len(weights := sizes.get(node.input[1], ())) == 2
        and weights[0] * weights[1] >= LARGE
    ]


def _with_int8_products(model: Any, names: list[str], file: Path) -> Any:
    """The graph whose linear layers of such names compute with int8."""
    import onnx

    with _same_search_path():
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    add_pre_process_metadata(model)  # the exporter has inferred shapes and folded constants
    quantized = file.with_suffix(".int8")
    quantize_dynamic(
        model,
        quantized,
        op_types_to_quantize=list(LINEAR),
        nodes_to_quantize=names,
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    found = onnx.load(quantized)
    remove_file(quantized)
    return found


@contextmanager
def _same_search_path() -> Iterator[None]:
    """Inside, ONNX Runtime may add a folder of its own scripts to those where Python looks for modules."""
    own = sys.path[:]
    try:
        yield
    finally:
        sys.path[:] = own
