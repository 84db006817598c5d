"""Answers that may be absent: who may read them, and who falls silent with a group that does not answer.

A group may answer texts in some languages alone, or need files outside of redheart that may be missing. Only those who
are prepared for it may read its answers: fusions that say so, and groups that serve the same records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from redheart_core.contract.errors import PluginError, join_complaints
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group


def with_readers(groups: Sequence[Group], absent: Mapping[str, str]) -> dict[str, str]:
    """Groups that do not answer, with the reason, and all that cannot do without their answers.

    Args:
        groups: Lower tiers first.
        absent: Group to reason.
    """
    found = dict(absent)
    home = {node.name: group for group in groups for node in group.nodes}
    for group in groups:
        needed = [node for node in group.nodes if not node.spec.accepts_absent]
        read = {home[_source(name)].name: None for node in needed for name in _outside(group, node, home)}
        for name in read:
            if name in found and group.name not in found:
                found[group.name] = f"it reads '{name}', which does not answer"
    return found


def with_absences(groups: Sequence[Group]) -> list[Group]:
    """The groups, whose nodes know which of the answers that they read may be absent.

    Raises:
        PluginError: A node that is not prepared for it reads answers that are absent for records that it serves.
    """
    home = {node.name: group for group in groups for node in group.nodes}
    if complaints := [one for group in groups for node in group.nodes for one in _complaints(group, node, home)]:
        raise PluginError(join_complaints("some groups answer texts in some languages alone:", complaints))
    return [attrs.evolve(group, nodes=tuple(_informed(group, node, home) for node in group.nodes)) for group in groups]


def _informed(group: Group, node: ActiveNode, home: Mapping[str, Group]) -> ActiveNode:
    silent = [read for read in _outside(group, node, home) if _silent(group, home[_source(read)])]
    languages = tuple((read, home[_source(read)].languages) for read in silent)
    return attrs.evolve(node, absent=_absent(group, node, home), languages=languages)


def _absent(group: Group, node: ActiveNode, home: Mapping[str, Group]) -> tuple[str, ...]:
    """The reads of a node that may be absent: for their language, or as their group needs files that may be missing."""
    return tuple(
        read for read in _outside(group, node, home) if _silent(group, home[_source(read)]) or _bound(read, home)
    )


def _complaints(group: Group, node: ActiveNode, home: Mapping[str, Group]) -> Iterator[str]:
    silent = [read for read in _outside(group, node, home) if _silent(group, home[_source(read)])]
    languages = sorted({code for read in silent for code in home[_source(read)].languages})
    remedy = f"write languages = {languages} under [groups.{group.name}], or leave one of them out"
    if silent and not node.spec.accepts_absent:
        yield (
            f"plugin '{node.name}' of group '{group.name}' reads {', '.join(silent)}, which is answered for texts in "
            f"{', '.join(languages)} alone; {remedy}"
        )
    for field in node.spec.gathers if silent and node.spec.accepts_absent else ():
        members = [read for read in node.spec.reads if read.partition(".")[2] == field]
        if members and all(read in silent for read in members):
            yield (
                f"plugin '{node.name}' of group '{group.name}' gathers {', '.join(members)}, and for texts in other "
                f"languages than {', '.join(languages)} nobody answers '{field}'; {remedy}"
            )


def _outside(group: Group, node: ActiveNode, home: Mapping[str, Group]) -> list[str]:
    """The outputs of other groups that a node reads."""
    return [read for read in node.reads if "." in read and home[_source(read)].name != group.name]


def _silent(reader: Group, read: Group) -> bool:
    """Whether a group does not answer all records that another one serves."""
    return bool(read.languages) and not (reader.languages and set(reader.languages) <= set(read.languages))


def _bound(read: str, home: Mapping[str, Group]) -> bool:
    """Whether answers come from a group that needs files outside of redheart."""
    return any(node.spec.resources is not None for node in home[_source(read)].nodes)


def _source(read: str) -> str:
    return read.partition(".")[0]
