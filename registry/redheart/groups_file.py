"""The file of --groups: tables [groups.<name>] that change those of plugins.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

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


def with_own_rates(
    registry: Registry, groups: Mapping[str, GroupSettings], scale: str, given: float | None
) -> dict[str, GroupSettings]:
    """The tables with the rates that nodes declare for a scale, where nobody has given another.

    Args:
        registry: Whose [training] table counts as given.
        groups: The tables [groups.<name>]; a rate there counts too.
        scale: Of the training.
        given: The rate that an option names, if any.
    """
    found = dict(groups)
    if given is not None or "learning_rate" in registry.table("training"):
        return found
    declared: dict[str, float] = {}
    for node in registry.nodes(scale):
        if scale in node.spec.learning_rates:
            rate = node.spec.learning_rates[scale]
            declared[node.group] = min(rate, declared.get(node.group, rate))
    for name, rate in declared.items():
        table = found.get(name, GroupSettings())
        if table.learning_rate is None:
            found[name] = attrs.evolve(table, learning_rate=rate)
    return found


def own_rates(groups: Mapping[str, GroupSettings], given: Mapping[str, GroupSettings]) -> list[str]:
    """A line on each group with a rate that nobody has given."""
    rates = {name: table.learning_rate for name, table in groups.items()}
    own = {name: rate for name, rate in rates.items() if rate != given.get(name, GroupSettings()).learning_rate}
    return [
        f"{name}: learning rate {rate:g}, its own; --set training.learning_rate=... sets another"
        for name, rate in own.items()
    ]


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
