"""What is installed, active or broken and why: the rows of `redheart plugins list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from redheart_core import SettingsError
from redheart_core.contract.errors import join_complaints
from redheart_registry.inspection import Inspection, inspect_plugins
from redheart_registry.installed import Entry, listed_entries
from redheart_registry.plugins_toml import PluginsToml, find_plugins_toml, parse_file, resolve


@attrs.frozen
class PluginRow:
    """One installed plugin."""

    name: str
    kind: str
    """Empty if the plugin is broken."""
    group: str
    """Checkpoint group of a node, empty for other kinds."""
    active: bool
    why: str
    """What makes it active or not."""
    version: str
    distribution: str
    broken: str
    """Why it cannot be used, empty if it can."""


def list_plugins(
    plugins_toml: Path | None = None,
    enable: Sequence[str] = (),
    disable: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> list[PluginRow]:
    """All installed plugins, the active ones first and in order; imports none of them.

    Raises:
        SettingsError: plugins.toml or the options name what is not there.
    """
    entries = listed_entries()
    path = find_plugins_toml(plugins_toml)
    configuration = resolve(parse_file(path), str(path), entries, enable, disable, overrides)
    if configuration.complaints:
        raise SettingsError(join_complaints(f"{path} cannot be used:", list(configuration.complaints)))
    inspections = inspect_plugins(entries)
    order = [*configuration.active, *(name for name in entries if name not in configuration.active)]
    return [_row(entries[name], inspections[name], configuration) for name in order]


def _row(entry: Entry, inspection: Inspection, configuration: PluginsToml) -> PluginRow:
    chosen = configuration.node_options(entry.name).group
    return PluginRow(
        name=entry.name,
        kind=inspection.kind,
        group=(chosen or inspection.group) if inspection.group else "",
        active=entry.name in configuration.active,
        why=_why(entry.name, configuration.active, configuration.reasons, configuration.where),
        version=entry.version,
        distribution=", ".join([entry.distribution, *entry.others]),
        broken=inspection.broken,
    )


def _why(name: str, active: Sequence[str], reasons: Mapping[str, str], where: str) -> str:
    if name in reasons:
        return reasons[name]
    return f"listed in {where}" if name in active else f"not listed in {where}"
