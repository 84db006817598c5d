"""What is installed, active or broken and why: the rows of `redheart plugins list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from redheart_core import SettingsError
from redheart_core.contract.errors import join_complaints
from redheart_registry.copies import with_copies
from redheart_registry.installed import Installed, broken_packages, disabled, listed_plugins
from redheart_registry.plugins_toml import PluginsToml, find_plugins_toml, parse_file, resolve


@attrs.frozen
class PluginRow:
    """One installed plugin."""

    name: str
    kind: str
    """Empty if the plugin is broken."""
    meaning: str
    """What it is; empty if the plugin is broken."""
    group: str
    """Checkpoint group of a node, empty for other kinds."""
    active: bool
    why: str
    """What makes it active or not."""
    adds_nothing: str
    """Where it was measured that it adds nothing to the fusion of all; empty if it adds or was not measured."""
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
    path = find_plugins_toml(plugins_toml)
    document = parse_file(path)
    installed = with_copies(listed_plugins(), document)
    disable = disabled(disable, document, enable, installed)
    configuration = resolve(document, str(path), installed, enable, disable, overrides)
    if configuration.complaints:
        reasons = broken_packages(installed.values()) if configuration.missing else []
        raise SettingsError(join_complaints(f"{path} cannot be used:", [*configuration.complaints, *reasons]))
    order = [*configuration.active, *(name for name in installed if name not in configuration.active)]
    return [_row(installed[name], configuration) for name in order]


def _row(plugin: Installed, configuration: PluginsToml) -> PluginRow:
    chosen = configuration.node_options(plugin.name).group
    return PluginRow(
        name=plugin.name,
        kind="" if plugin.broken else plugin.offer.kind,
        meaning="" if plugin.broken else plugin.offer.meaning,
        group=(chosen or plugin.offer.group) if plugin.offer.group else "",
        active=plugin.name in configuration.active,
        why=_why(plugin.name, configuration.active, configuration.reasons, configuration.where),
        adds_nothing=plugin.offer.adds_nothing,
        version=plugin.entry.version,
        distribution=plugin.entry.distribution,
        broken=plugin.broken,
    )


def _why(name: str, active: Sequence[str], reasons: Mapping[str, str], where: str) -> str:
    if name in reasons:
        return reasons[name]
    return f"listed in {where}" if name in active else f"not listed in {where}"
