"""A text to one field: three architectures for each of five fields."""

from __future__ import annotations

from redheart_core import NodeSpec, hookimpl
from redheart_text_tasks.nodes import ARCHITECTURES, FIELDS, node


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the nodes."""
    return [node(field, architecture) for field in FIELDS for architecture in ARCHITECTURES]
