"""The folder of a run: what was decided once, and the state of every group."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.contract.errors import CheckpointError, join_complaints
from redheart_core.contract.nodes import ActiveNode
from redheart_core.data.store import Store
from redheart_core.groups.group import Group
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import RUN_FORMAT
from redheart_core.storage.files import make_folder, read_json, to_json, write_json
from redheart_core.storage.settings import as_table, read_table


@attrs.frozen
class RunFolder:
    """A run on disk: run.json, events.jsonl and groups/NAME/."""

    path: Path

    @property
    def exists(self) -> bool:
        return self.file.exists()

    @property
    def file(self) -> Path:
        return self.path / "run.json"

    def read(self) -> dict[str, Any]:
        """What describe gave when the run began.

        Raises:
            CheckpointError: No run, a damaged one, or one of another format.
        """
        if not self.exists:
            raise CheckpointError(
                f"{self.path} holds no run (no run.json); start one with redheart train -o {self.path}"
            )
        table = read_json(self.file)
        if not isinstance(table, dict) or table.get("format") != RUN_FORMAT:
            raise CheckpointError(f"{self.file} is not a run of format {RUN_FORMAT}; train again with this version")
        return table

    def stamp(self, groups: Sequence[str]) -> str:
        """SHA-256 of all that a choice among the epochs of these groups follows from."""
        found = hashlib.sha256()
        for file in (self.file, *(self.group(name).manifest_file for name in groups)):
            found.update(file.read_bytes())
        return found.hexdigest()

    def group(self, name: str) -> GroupFolder:
        return GroupFolder(self.path, name)

    def settings(self) -> TrainSettings:
        return read_table(TrainSettings, self.read()["training"], str(self.file))

    def group_settings(self) -> dict[str, GroupSettings]:
        """The [groups.<name>] tables that it was begun with."""
        return {
            name: read_table(GroupSettings, group["settings"], str(self.file))
            for name, group in self.read()["groups"].items()
        }

    def begin(self, description: dict[str, Any]) -> None:
        """Write run.json, or check that what is there agrees; new plugins in new groups may join.

        Raises:
            CheckpointError: Something that decides the numbers is another than at the start.
        """
        if self.exists:
            check_same_run(self.read(), description, self.path)
        make_folder(self.path)
        write_json(self.file, description)


def describe(
    folder: Path, nodes: Sequence[ActiveNode], groups: Sequence[Group], settings: TrainSettings, store: Store
) -> dict[str, Any]:
    """All that decides the numbers of a run, as JSON values; folder is where they will be written."""
    description = {
        "format": RUN_FORMAT,
        "redheart": version("redheart"),
        "torch": version("torch"),
        "training": as_table(settings),
        "nodes": {node.name: describe_node(node) for node in nodes},
        "groups": {
            group.name: {
                "tier": group.tier,
                "nodes": [node.name for node in group.nodes],
                "settings": as_table(group.settings),
            }
            for group in groups
        },
        "data": describe_data(store, folder),
    }
    plain: dict[str, Any] = json.loads(to_json(description))
    return plain


def describe_node(node: ActiveNode) -> dict[str, Any]:
    """An active node as JSON values; settings as a table."""
    table = attrs.asdict(node, filter=attrs.filters.exclude("spec", "settings"))
    return {**table, "settings": as_table(node.settings)}


def describe_data(store: Store, folder: Path) -> dict[str, Any]:
    """The data, fields and encoder that a run or model in that folder depends on."""
    return {
        "dataset": store.index.dataset,
        "fingerprint": store.index.fingerprint,
        "store": relative_path(store.folder, folder),
        "encoder": attrs.asdict(store.encoder_identity),
        "fields": store.index.to_json()["fields"],
        "splits": dict(store.index.counts),
        "validation_clusters": _clusters(store.clusters[store.rows("validation")]),
    }


def _clusters(numbers: Tensor) -> list[list[int]]:
    """The places of records that are near-duplicates of each other; those that stand alone are left out."""
    _, ranks, sizes = torch.unique(numbers, return_inverse=True, return_counts=True)
    return [(ranks == rank).nonzero().flatten().tolist() for rank in (sizes > 1).nonzero().flatten().tolist()]


def relative_path(target: Path, start: Path) -> str:
    """The way from one folder to another, so that both can be moved together."""
    return os.path.relpath(target.resolve(), start.resolve())


def check_same_run(old: dict[str, Any], new: dict[str, Any], path: Path) -> None:
    """Everything of the old run has to be in the new description, unchanged.

    Raises:
        CheckpointError: Lists every difference.
    """
    complaints = [
        f"[training] {key} was {value!r}, is {new['training'].get(key)!r}"
        for key, value in old["training"].items()
        if new["training"].get(key) != value
    ]
    for key in ("fingerprint", "encoder", "fields"):
        if old["data"][key] != new["data"][key]:
            complaints.append(f"data: {key} was {old['data'][key]!r:.120}, is {new['data'][key]!r:.120}")
    for name, node in old["nodes"].items():
        now = new["nodes"].get(name)
        if now is None:
            complaints.append(f"plugin '{name}' is no longer active")
        else:
            complaints += [
                f"plugin '{name}': {key} was {node[key]!r}, is {now[key]!r}" for key in node if node[key] != now[key]
            ]
    for name, group in old["groups"].items():
        now = new["groups"].get(name, group)
        joined = set(now["nodes"]) - set(group["nodes"])
        if now["settings"] != group["settings"]:
            complaints.append(f"[groups.{name}] was {group['settings']}, is {now['settings']}")
        if joined:
            complaints.append(f"group '{name}' cannot take in {', '.join(sorted(joined))}: its weights would change")
    for key in ("torch",):
        if old[key] != new[key]:
            complaints.append(f"{key} was {old[key]}, is {new[key]}: the same bits are not certain")
    if complaints:
        raise CheckpointError(
            join_complaints(f"the run in {path} was begun otherwise; take another folder, or undo:", complaints)
        )
