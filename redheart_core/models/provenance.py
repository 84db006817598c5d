"""What a group of a model was learnt from: data sets with their licences."""

from __future__ import annotations

import torch

from redheart_core.contract.tensors import has_any
from redheart_core.groups.group import Group
from redheart_core.models.manifest import LearntFrom
from redheart_core.training.context import TrainingContext


def learnt_from(context: TrainingContext, group: Group) -> tuple[LearntFrom, ...]:
    """The data sets whose labels the group was trained on, itself or through the groups that it reads."""
    store, rows = context.store, context.served(group, context.store.rows("train"))
    known = [has_any(store.target(name)[rows]) for name in _fields_behind(context, group)]
    labelled = torch.stack(known).any(0) if known else torch.zeros(len(rows), dtype=torch.bool)
    found = []
    for place, name in enumerate(store.source_names):
        records = int((labelled & (store.sources[rows] == place)).sum())
        if records:
            said = store.index.provenance[name]
            found.append(LearntFrom(name, said.licence, said.source, records))
    return tuple(found)


def _fields_behind(context: TrainingContext, group: Group) -> list[str]:
    """Targets of a group and of all below it that it reads, directly or not."""
    groups = {one.name: one for one in context.groups}
    seen: dict[str, Group] = {}
    queue = [group]
    while queue:
        one = queue.pop()
        if one.name not in seen:
            seen[one.name] = one
            queue += [groups[name] for name in one.reads]
    return sorted({target for one in seen.values() for target in one.targets})
