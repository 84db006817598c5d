"""A text to one field: three architectures for each of five fields, and one for the data set's own."""

from __future__ import annotations

from redheart_core import NodeSpec, hookimpl
from redheart_text_tasks.nodes import ARCHITECTURES, FIELDS, declared_node, node


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the nodes."""
    tasks = [node(field, architecture) for field in FIELDS for architecture in ARCHITECTURES]
    return [*tasks, declared_node()]
