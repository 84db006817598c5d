"""A checkpoint group written as an ONNX graph that computes what PyTorch computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from redheart_core.contract.fields import Shape
from redheart_core.groups.exporting import NotExportableError, shortened, trace, why_not_exported
from redheart_core.groups.group import Group
from redheart_core.nn.feed_forward import parts_apart
from redheart_export.graph import Graph, Sizes, sample_inputs
from redheart_export.session import GraphError, open_session, run_session

TRACED = Sizes(3, 2, 600)
CHECKED = (Sizes(1, 1, 1), Sizes(5, 3, 4), Sizes(2, 1, 900))
"""A graph has to compute other sizes than those it was traced with: one window of a transformer, and more of them."""
TOLERANCE = 1e-3
"""Largest difference from PyTorch of a graph that counts as right; beside it that share of the number."""


def export_group(group: Group, graph: Graph, shapes: Mapping[str, Shape], file: Path, apart: bool = False) -> None:
    """Write a group as an ONNX graph.

    Args:
        group: The group.
        graph: It as one function, on the CPU.
        shapes: Per record, of all that is read and given.
        file: Written here.
        apart: Keep the parts of linear maps, such as layers and adapters, apart.

    Raises:
        NotExportableError: Something that a plugin computes has no graph.
    """
    if reason := why_not_exported(group):
        raise NotExportableError(reason)
    graph.eval()
    with parts_apart(apart):
        program = trace(graph, sample_inputs(graph.reads, shapes, TRACED), shapes)
    program.save(str(file))
    check_graph(graph, shapes, file)


def check_graph(graph: Graph, shapes: Mapping[str, Shape], file: Path) -> None:
    """Refuse a graph that does not compute what PyTorch does, on batches of several sizes.

    Raises:
        NotExportableError: It fails, or differs.
    """
    try:
        _compare(graph, shapes, open_session(file, threads=1))
    except GraphError as error:
        raise NotExportableError(shortened(str(error).removeprefix(f"{file}: "))) from error


def _compare(graph: Graph, shapes: Mapping[str, Shape], session: Any) -> None:
    read = {one.name for one in session.get_inputs()}
    for sizes in CHECKED:
        samples = sample_inputs(graph.reads, shapes, sizes)
        given = {name: one.numpy() for name, one in zip(graph.reads, samples, strict=True) if name in read}
        with torch.no_grad():
            expected = graph(*samples)
        found = run_session(session, list(graph.gives), given)
        for name, one, other in zip(graph.gives, expected, found, strict=True):
            if one.shape != other.shape or not np.allclose(one, other, TOLERANCE, TOLERANCE, equal_nan=True):
                raise NotExportableError(f"'{name}' of its graph differs from PyTorch's for {_in_words(sizes)}")


def _in_words(sizes: Sizes) -> str:
    return f"{sizes.texts} texts of {sizes.chunks} chunks and {sizes.tokens} tokens"
