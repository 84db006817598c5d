"""Which epochs stay on disk: the newest, the best and whatever a model refers to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import attrs

from redheart_core.runs.manifest import GroupManifest
from redheart_core.storage.locks import updating
from redheart_core.storage.sealed import SealedFile


@attrs.frozen
class References:
    """references.json: the epochs that models are made of."""

    groups: Mapping[str, tuple[int, ...]]
    """Ascending."""


REFERENCES = SealedFile(
    References, "references", 1, "restore it from a copy, or remove it and assemble the run's models again"
)


def epochs_to_keep(run: Path, manifest: GroupManifest, keep_epochs: int) -> list[int] | None:
    """Epochs that may not be deleted when the next one is saved; None keeps all.

    The next epoch itself and the best one are kept by the group folder.
    """
    if keep_epochs == 0:
        return None
    done = [entry.epoch for entry in manifest.epochs]
    newest = done[-(keep_epochs - 1) :] if keep_epochs > 1 else []
    return [*newest, *references(run).get(manifest.group, ())]


def references(run: Path) -> Mapping[str, tuple[int, ...]]:
    """Group to epochs that models refer to."""
    found = REFERENCES.read_if_there(run / "references.json")
    return {} if found is None else found.groups


def add_references(run: Path, chosen: Mapping[str, Collection[int]]) -> None:
    """Protect epochs of groups from deletion."""
    with updating(run):
        table = dict(references(run))
        for group, epochs in chosen.items():
            table[group] = tuple(sorted({*table.get(group, ()), *epochs}))
        REFERENCES.write(run / "references.json", References(table))
