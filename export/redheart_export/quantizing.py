"""A graph with int8 weights, which computes with int8 where products are large."""

from __future__ import annotations

from pathlib import Path

from redheart_core.storage.files import write_bytes
from redheart_export.int8_products import compute_with_int8
from redheart_export.int8_weights import keep_weights_as_int8
from redheart_export.manifest import Precision
from redheart_export.short_names import shorten_names


def quantize_graph(file: Path) -> Precision:
    """Replace a graph by its int8 form (Jacob et al. 2018) where that is the smaller file.

    Returns:
        What its numbers are now.
    """
    import onnx

    model = onnx.load(file)
    large, kept = compute_with_int8(model), keep_weights_as_int8(model)
    shorten_names(model)
    content = model.SerializeToString()
    if not (large or kept) or len(content) >= file.stat().st_size:
        return "float32"
    write_bytes(file, content)
    return "int8 products" if large else "int8 weights"
