"""What a group of a model was learnt from: data sets with their licences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from attrs import astuple

from redheart_core.contract.tensors import has_any
from redheart_core.groups.group import Group
from redheart_core.runs.description import LearntFrom
from redheart_core.training.context import TrainingContext


def learnt_from(
    context: TrainingContext, group: Group, before: Mapping[str, Sequence[LearntFrom]]
) -> tuple[LearntFrom, ...]:
    """The data sets whose labels the group was trained on, itself or through the groups that it reads.

    Args:
        context: Of the run.
        group: One of its groups.
        before: What the weights that groups begin with were learnt from, by name; of these data sets the ones follow
            that the run does not have.
    """
    behind = _behind(context, group)
    store, rows = context.store, context.served(group, context.store.rows("train"))
    known = [has_any(store.target(name)[rows]) for name in _learnt(context, behind)]
    labelled = torch.stack(known).any(0) if known else torch.zeros(len(rows), dtype=torch.bool)
    found = []
    for place, name in enumerate(store.source_names):
        records = int((labelled & (store.sources[rows] == place)).sum())
        if records:
            said = store.index.provenance[name]
            found.append(LearntFrom(name, said.licence, said.source, records))
    for one in behind:
        of_run = {(known.dataset, known.licence, known.source) for known in found}
        found += [known for known in before.get(one.name, ()) if astuple(known)[:3] not in of_run]
    return tuple(found)


def _learnt(context: TrainingContext, groups: Sequence[Group]) -> list[str]:
    """Targets of groups, but of those that stay as they began."""
    trained = [one for one in groups if one.fitted or context.own_settings(one).epochs]
    return sorted({target for one in trained for target in one.targets})


def _behind(context: TrainingContext, group: Group) -> list[Group]:
    """A group and all below it that it reads, directly or not."""
    groups = {one.name: one for one in context.groups}
    seen: dict[str, Group] = {}
    queue = [group]
    while queue:
        one = queue.pop()
        if one.name not in seen:
            seen[one.name] = one
            queue += [groups[name] for name in one.reads]
    return list(seen.values())
