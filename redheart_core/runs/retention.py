"""Which epochs stay on disk: the newest, the best and whatever a model refers to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from redheart_core.runs.manifest import GroupManifest
from redheart_core.storage.files import read_json, write_json


def epochs_to_keep(run: Path, manifest: GroupManifest, keep_epochs: int) -> list[int] | None:
    """Epochs that may not be deleted when the next one is saved; None keeps all.

    The next epoch itself and the best one are kept by the group folder.
    """
    if keep_epochs == 0:
        return None
    done = [entry.epoch for entry in manifest.epochs]
    newest = done[-(keep_epochs - 1) :] if keep_epochs > 1 else []
    return [*newest, *references(run).get(manifest.group, [])]


def references(run: Path) -> dict[str, list[int]]:
    """Group to epochs that models or analyses refer to."""
    file = run / "references.json"
    if not file.exists():
        return {}
    table = read_json(file)
    assert isinstance(table, dict)
    return {str(group): [int(epoch) for epoch in epochs] for group, epochs in table.items()}


def add_references(run: Path, used: Mapping[str, Collection[int]]) -> None:
    """Protect epochs of groups from deletion."""
    table = references(run)
    for group, epochs in used.items():
        table[group] = sorted({*table.get(group, []), *epochs})
    write_json(run / "references.json", table)
