"""Which groups a model can do without: left out of its fusions one after another, nothing trained anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import attrs

from redheart_core.evaluation.additions import Addition, additions_in
from redheart_core.groups.fused_for import fused_for
from redheart_core.groups.group import Group
from redheart_core.groups.leaving_out import leave_out
from redheart_core.models.answering import is_fusion
from redheart_core.training.context import TrainingContext


@attrs.frozen
class Left:
    """A group that the fusions do without."""

    group: str
    additions: tuple[Addition, ...]
    """What it added, field by field, when it was the least of those that were still there."""


def switch_off(
    context: TrainingContext, beyond_noise: bool, progress: Callable[[str, int, int], None] | None = None
) -> list[Left]:
    """Leave out the group that adds least, as long as there is one that adds nothing.

    All answers are those of additions_in: of validation records, cross-fitted. A group that any node but a fusion reads
    is kept, and so is the last one that answers a field.

    Args:
        context: Holds what its groups answer on the records that training may see.
        beyond_noise: A group adds nothing if no interval of a field lies above 0; otherwise if its mean gain over the
            fields is not above 0.
        progress: Called now and then.
    """
    found: list[Left] = []
    while any(is_fusion(node) for node in context.nodes):
        free = {group.name for group in context.groups if fused_for(group, context.groups)}
        if len(free) < 2:
            break
        parts: dict[str, list[Addition]] = {}
        for one in additions_in(context, progress):
            parts.setdefault(one.group, []).append(one)
        useless = {
            name: part
            for name, part in parts.items()
            if name in free and all(one.members > 1 for one in part) and _adds_nothing(part, beyond_noise)
        }
        if not useless:
            break
        least = min(useless, key=lambda name: (_mean(useless[name]), name))
        found.append(Left(least, tuple(useless[least])))
        context = _without(context, least)
    return found


def _adds_nothing(part: Sequence[Addition], beyond_noise: bool) -> bool:
    return not any(one.gain.is_above(0.0) for one in part) if beyond_noise else _mean(part) <= 0.0


def _mean(part: Sequence[Addition]) -> float:
    """Of the gains that are defined; a group without any adds nothing."""
    gains = [one.gain.value for one in part if one.gain.value is not None]
    return fmean(gains) if gains else 0.0


def _without(context: TrainingContext, name: str) -> TrainingContext:
    """The same without a group that fusions alone read."""
    own = {node.name for group in context.groups if group.name == name for node in group.nodes}
    groups = tuple(_relieved(group, own) for group in context.groups if group.name != name)
    return attrs.evolve(context, groups=groups, nodes=tuple(node for group in groups for node in group.nodes))


def _relieved(group: Group, own: set[str]) -> Group:
    """The group with fusions that no longer gather the answers of some nodes."""
    nodes = []
    for node in group.nodes:
        members = [read for read in node.spec.reads if read.partition(".")[0] in own]
        kept = leave_out(node, members, set(node.spec.gathers)) if members else node
        assert kept is not None, "the last answer on a field is kept"
        nodes.append(kept)
    return attrs.evolve(group, nodes=tuple(nodes))
