"""The file of --groups: tables [groups.<name>] that change those of plugins.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redheart_core import SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import join_complaints
from redheart_core.storage.settings import check_table, read_table
from redheart_registry import Registry
from redheart_registry.plugins_toml import parse_file


def merged_groups(registry: Registry, file: Path | None) -> dict[str, GroupSettings]:
    """The tables [groups.<name>] of plugins.toml, overlaid key by key with those of a file.

    Whether there are such groups is known once plugins and data are: planning them refuses a table of no group.

    Raises:
        SettingsError: The file cannot be read, holds something else, or a key or value that no group has.
    """
    tables = {name: dict(table) for name, table in registry.plugins_toml.groups.items()}
    for name, table in _read(file).items() if file is not None else ():
        tables[name] = {**tables.get(name, {}), **table}
    return {name: read_table(GroupSettings, table, f"[groups.{name}]") for name, table in tables.items()}


def _read(file: Path) -> Mapping[str, Mapping[str, object]]:
    document = parse_file(file)
    groups: Mapping[str, Any] = document.get("groups", {})
    complaints = [f"it has no key or table '{key}' (known: groups)" for key in sorted(document.keys() - {"groups"})]
    if not isinstance(groups, Mapping) or not groups:
        complaints.append("expected tables such as [groups.backbone]")
        groups = {}
    for name, table in groups.items():
        if isinstance(table, Mapping):
            complaints += check_table(GroupSettings, table, f"[groups.{name}]")
        else:
            complaints.append(f"groups.{name} expects a table, as in [groups.{name}], got {table!r:.80}")
    if complaints:
        raise SettingsError(join_complaints(f"{file} cannot be used as --groups:", complaints))
    return groups
