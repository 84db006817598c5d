"""What a grown run is told of the nodes that keep their size."""

from __future__ import annotations

from typing import Any

import attrs
from toy import Toy

from redheart_core.groups.active import ActiveNode
from redheart_core.training.growing import grow_groups, grown_node

WIDTHS: dict[str, dict[str, Any]] = {"tiny": {"width": 4}, "small": {"width": 8}, "base": {}, "full": {}}


def with_spec(node: ActiveNode, **changes: Any) -> ActiveNode:
    return attrs.evolve(node, spec=attrs.evolve(node.spec, **changes))


def test_nodes_that_keep_their_size_say_why(toy: Toy) -> None:
    nodes = [
        toy.node("one_size"),
        with_spec(toy.node("stays"), scales=WIDTHS),
        with_spec(toy.node("reached"), scales=WIDTHS, grown=lambda smaller, larger: smaller),
    ]
    store = toy.store()
    smaller = toy.context(nodes, store)
    larger = toy.context([grown_node(node, "small") for node in nodes], store, scale="small")
    modules = {group.name: smaller.module(group) for group in smaller.groups}
    found = [grown for grown, _ in grow_groups(smaller, larger, modules)]
    assert {name: why for one in found for name, why in one.kept.items()} == {
        "one_size": "one size at every scale",
        "stays": "its plugin declares no way to grow",
        "reached": "it has this size already",
    }
    assert all(one.difference == 0.0 and one.parameters[0] == one.parameters[1] for one in found)
