"""Graphs without what is for people alone: long names inside, and shapes that follow from the operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def shorten_names(model: Any) -> None:
    """Number the values inside a graph, and leave out the names of operators and the shapes of values.

    Inputs and outputs keep their names.

    Args:
        model: An onnx.ModelProto, changed in place.
    """
    graph = model.graph
    kept = {one.name for one in (*graph.input, *graph.output)}
    inside = [one.name for one in graph.initializer] + [name for node in graph.node for name in node.output]
    names = {name: name for name in kept}
    for name in inside:
        if name and name not in names:
            names[name] = f"_{len(names):x}"
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    _rename(graph, names)


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """The values of a graph, and of those that its operators hold."""
    del graph.value_info[:]
    for node in graph.node:
        node.name = ""
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names)
