"""What of a store can be learnt: every field that is learnt has records that have it, where they are looked for."""

from __future__ import annotations

from collections.abc import Sequence

from redheart_core.contract.errors import PluginError, join_complaints
from redheart_core.contract.fields import Field
from redheart_core.contract.tensors import has_any
from redheart_core.data.store import Store
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.graph import check_targets
from redheart_core.groups.group import Group
from redheart_core.groups.serving import serves

SEEN = ("train", "validation")
"""The splits that training may look at."""


def check_coverage(nodes: Sequence[ActiveNode], store: Store) -> None:
    """Every node finds records with its targets in every split that training looks at.

    Raises:
        PluginError: One line for each target that no record has.
    """
    for split in SEEN:
        rows = store.filled(split)
        coverage = {name: int(has_any(store.target(name)[rows]).sum()) for name in store.fields}
        check_targets(nodes, store.fields, coverage, split)


def check_languages(groups: Sequence[Group], store: Store) -> None:
    """Every field that a group of some languages learns has to be there in these.

    Raises:
        PluginError: One line for each field that is not.
    """
    complaints = []
    for group in groups:
        for split in SEEN if group.languages else ():
            rows = store.rows(split)
            rows = rows[serves(group, store.language_numbers[rows])]
            lacking = [name for name in group.targets if not bool(has_any(store.target(name)[rows]).any())]
            complaints += [
                f"[groups.{group.name}] languages = {list(group.languages)}: no {split} record in these has '{name}' "
                f"(languages of the data: {', '.join(sorted(code or 'not stated' for code in store.index.languages))})"
                for name in lacking
            ]
    if complaints:
        raise PluginError(join_complaints("some groups could learn nothing in their languages:", complaints))


def usable_fields(store: Store) -> dict[str, Field]:
    """Fields that some training and some validation records have; others cannot be trained."""
    splits = [store.rows(split) for split in SEEN]
    return {
        name: field
        for name, field in store.fields.items()
        if all(bool(has_any(store.target(name)[rows]).any()) for rows in splits)
    }
