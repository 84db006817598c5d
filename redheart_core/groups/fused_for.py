"""For which fields alone the answers of a group are read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from redheart_core.groups.group import Group


def fused_for(group: Group, groups: Sequence[Group]) -> tuple[str, ...] | None:
    """The fields for which fusions gather answers of a group; None if any other node, or one above a fusion, reads
    it, and so may want its answers to any record.

    Args:
        group: One of groups.
        groups: All of a model or run.
    """
    own, fields = {node.name for node in group.nodes}, set[str]()
    nodes = [node for other in groups for node in other.nodes]
    above = {name.partition(".")[0] for node in nodes for name in node.reads if "." in name}
    for other in groups:
        for node in other.nodes:
            read = [name for name in node.reads if "." in name and name.partition(".")[0] in own]
            if read and (other is group or node.name in above or not node.spec.accepts_absent):
                return None
            outputs = {name.partition(".")[2] for name in read}
            if not outputs <= set(node.spec.gathers):
                return None
            fields |= outputs
    return tuple(sorted(fields))


def own_fields(group: Group, fields: Collection[str]) -> tuple[str, ...]:
    """The fields that a group learns or answers, whoever reads it, so that the batches in which its answers are
    computed do not depend on other groups.

    Args:
        group: Any.
        fields: Of the data set.
    """
    outputs = {output.name for node in group.nodes for output in node.spec.gives}
    return tuple(sorted({*group.targets, *(outputs & set(fields))}))
