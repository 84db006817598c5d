"""A calculator by name, active or not, with its settings; no other plugin is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redheart_core import CalculatorSpec, PluginError, SettingsError
from redheart_core.contract.errors import join_complaints
from redheart_core.discovery.entries import names
from redheart_core.storage.settings import read_table
from redheart_registry.copies import with_copies
from redheart_registry.installed import Installed, installed_plugins
from redheart_registry.loading import load_one, settings_complaints
from redheart_registry.plugins_toml import find_plugins_toml, parse_file, resolve


def load_calculator(
    name: str, plugins_toml: Path | None = None, overrides: Sequence[str] = ()
) -> tuple[CalculatorSpec, Any]:
    """An installed calculator and its settings: defaults, its table in plugins.toml, then overrides.

    Args:
        name: Of the plugin.
        plugins_toml: A file, or None for ./plugins.toml if there is one, else the file shipped with redheart.
        overrides: Settings as "name.key=value".

    Raises:
        PluginError: It is not installed, is no calculator or breaks its contract.
        SettingsError: Its settings are wrong.
    """
    installed = installed_plugins([name])
    if name not in installed:
        raise PluginError(f"there is no calculator '{name}' (calculators: {_calculators(installed)})")
    plugin = load_one(installed[name])
    if not isinstance(plugin.spec, CalculatorSpec):
        raise PluginError(f"plugin '{name}' is of kind {plugin.kind} (calculators: {_calculators(installed)})")
    path = find_plugins_toml(plugins_toml)
    others = [override for override in overrides if override.partition(".")[0].strip() != name]
    if others:
        raise SettingsError(f"--set {others[0]}: only the calculator's own settings count; write {name}.key=value")
    document = {**parse_file(path), "active": [name]}
    configuration = resolve(document, str(path), with_copies(installed, document), overrides=overrides)
    table = configuration.tables.get(name, {})
    complaints = [*configuration.complaints, *settings_complaints(plugin, table, configuration.options.get(name, {}))]
    if complaints:
        raise SettingsError(join_complaints(f"{path} cannot be used:", complaints))
    return plugin.spec, read_table(plugin.spec.settings, table, f"[plugins.{name}]")


def _calculators(installed: Mapping[str, Installed]) -> str:
    return names(name for name, plugin in installed.items() if plugin.offer.kind == "calculator")
