"""A fusion as it would be without some of its members, or on some of its fields alone."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group


def leave_out(node: ActiveNode, members: Collection[str], fields: Collection[str]) -> ActiveNode | None:
    """A bound node that gathers, with fewer members and fields.

    Args:
        node: The fusion.
        members: The "node.field" that it no longer reads.
        fields: Those of which it keeps the answers; of these it loses the ones that no member answers any more.

    Returns:
        None if no field is left.
    """
    spec = node.spec
    wanted = {name for name in spec.reads if name not in members}
    answered = {name.partition(".")[2] for name in wanted}
    kept = [field for field in spec.gathers if field in fields and field in answered]
    if not kept:
        return None
    lost = set(spec.gathers) - set(kept)
    changed = attrs.evolve(
        spec,
        reads=tuple(name for name in spec.reads if name in wanted and name.partition(".")[2] not in lost),
        gives=tuple(output for output in spec.gives if output.labels not in lost and not lost & set(output.needs)),
        targets=tuple(name for name in spec.targets if name not in lost),
        optional_targets=tuple(name for name in spec.optional_targets if name not in lost),
        gathers=tuple(kept),
    )
    return attrs.evolve(node, spec=changed)


def fusion_alone(group: Group, node: ActiveNode) -> Group:
    """A group of a single fusion, which keeps its place among the tiers."""
    return attrs.evolve(group, nodes=(node,), requires={node.name: group.requires.get(node.name, ())})
