"""What a node reads beside the vectors of a text's chunks: features of another group, such as a fine-tuned encoder.

The vector of every chunk gets the features of the whole text, at length 1, as an encoder that combines several sets
their vectors side by side. The node knows of a wider embedding alone, so that any node that reads one can have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from redheart_core.contract.errors import PluginError, join_complaints
from redheart_core.contract.fields import Shape
from redheart_core.groups.active import ActiveNode


def widened(shapes: Mapping[str, Shape], node: ActiveNode) -> dict[str, Shape]:
    """Per-record shapes with the embedding that a node gets."""
    chunks, width = shapes["embedding"]
    sizes = [width, *(shapes[name][0] for name in node.beside)]
    return {**shapes, "embedding": (chunks, sum(int(size) for size in sizes))}


def check_beside(nodes: Sequence[ActiveNode]) -> None:
    """Only features of another group can stand beside the embedding, and only for a node that descends its losses.

    Raises:
        PluginError: Names what cannot.
    """
    by_name = {node.name: node for node in nodes}
    complaints = [
        f"[plugins.{node.name}] beside: {complaint}"
        for node in nodes
        if node.beside
        for complaint in _complaints(node, by_name)
    ]
    if complaints:
        raise PluginError(join_complaints("some plugins cannot read beside the embedding what they shall", complaints))


def _complaints(node: ActiveNode, by_name: Mapping[str, ActiveNode]) -> Iterator[str]:
    if "embedding" not in node.spec.reads or node.spec.fit is not None:
        yield "only a plugin that reads the embedding and descends its losses has it; leave it out"
    for name in node.beside:
        source, _, output = name.partition(".")
        if source not in by_name:
            yield f"'{name}' is of a plugin that is not active; --enable {source or 'NAME'}, and write NAME.OUTPUT"
            continue
        given = {one.name: one for one in by_name[source].spec.gives}
        if output not in given or given[output].form != "features" or len(given[output].shape) != 1:
            fit = [f"{source}.{one.name}" for one in given.values() if one.form == "features" and len(one.shape) == 1]
            yield f"'{name}' is no output of features of a whole text (there is: {', '.join(fit) or 'none'})"
        elif by_name[source].group == node.group:
            yield f"'{name}' is of its own group '{node.group}'; features come from another group"
