"""Read and check plugins.toml, before any plugin is imported."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from redheart_core import SettingsError
from redheart_core.config.agents import AgentsSettings
from redheart_core.config.tables import (
    NODE_OPTIONS,
    AnalysisSettings,
    DataSettings,
    GroupSettings,
    MemorySettings,
    NodeOptions,
    TrainSettings,
)
from redheart_core.discovery.entries import names
from redheart_core.storage.settings import check_table, parse_override, read_table
from redheart_core.storage.toml_text import parse_toml
from redheart_registry.copies import copy_complaint, originals

FILE_NAME = "plugins.toml"
_HOST_SETTINGS: Mapping[str, type[Any]] = {
    "data": DataSettings,
    "training": TrainSettings,
    "agents": AgentsSettings,
    "analysis": AnalysisSettings,
    "memory": MemorySettings,
}
FREE_TABLES = tuple(_HOST_SETTINGS)
"""Tables that the commands read; the registry checks them and hands them on."""


@attrs.frozen
class PluginsToml:
    """A plugins.toml with the changes of the command line, and everything that is wrong with it."""

    where: str
    """File, or what stands for it, in messages."""
    active: tuple[str, ...]
    """Installed plugins in order."""
    reasons: Mapping[str, str]
    """For each plugin that the command line switched on or off: the option."""
    tables: Mapping[str, Mapping[str, Any]]
    """Per plugin its settings, without the node options."""
    options: Mapping[str, Mapping[str, Any]]
    """Per plugin its node options as far as they are given."""
    free: Mapping[str, Mapping[str, Any]]
    """The tables [training], [agents], [data], [analysis] and [memory]."""
    groups: Mapping[str, Mapping[str, Any]]
    """The tables [groups.<name>]."""
    missing: tuple[str, ...]
    """Plugins that the file or --enable names and that no package offers."""
    complaints: tuple[str, ...]

    def node_options(self, plugin: str) -> NodeOptions:
        return read_table(NodeOptions, self.options.get(plugin, {}), f"[plugins.{plugin}]")

    def document(self) -> dict[str, Any]:
        """What plugins.toml would have to say for the same result; plain JSON."""
        plugins = {name: {**self.options[name], **self.tables[name]} for name in self.tables}
        groups = {"groups": {name: dict(table) for name, table in self.groups.items()}} if self.groups else {}
        return {"active": list(self.active), **self.free, "plugins": plugins, **groups}


def find_plugins_toml(given: Path | None) -> Path:
    """The file that counts: the given one, ./plugins.toml, or the one shipped with redheart.

    Raises:
        SettingsError: The given file does not exist.
    """
    if given is not None:
        if not given.is_file():
            raise SettingsError(f"no such file: {given}; --plugins expects a plugins.toml")
        return given
    here = Path(FILE_NAME)
    shipped = Path(__file__).parent / FILE_NAME
    checkout = Path(__file__).parents[2] / FILE_NAME
    for candidate in (here, shipped, checkout):
        if candidate.is_file():
            return candidate
    raise SettingsError(f"redheart is not whole: {shipped} is missing; reinstall it, or name a file with --plugins")


def parse_file(path: Path) -> dict[str, Any]:
    """The document in a TOML file.

    Raises:
        SettingsError: It cannot be read or is no TOML; names the line.
    """
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def resolve(
    document: Mapping[str, Any],
    where: str,
    installed: Collection[str],
    enable: Sequence[str] = (),
    disable: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> PluginsToml:
    """Check a document, put the changes of the command line in, collect all complaints."""
    complaints: list[str] = []
    known = ("active", "plugins", "groups", *FREE_TABLES)
    for key in sorted(document.keys() - set(known)):
        complaints.append(f"{where} has no key or table '{key}' (known: {names(known)})")
    listed = _read_active(document, installed, complaints)
    active, reasons = _switch(listed, installed, enable, disable, complaints)
    plugins = {key: dict(table) for key, table in _tables(document.get("plugins", {}), "plugins", complaints).items()}
    copies = originals(document)
    for name in sorted(plugins.keys() - set(installed)):
        if name in copies:
            complaints.append(copy_complaint(name, copies[name], installed))
        else:
            complaints.append(f"[plugins.{name}]: '{name}' is not installed (installed: {names(installed)})")
    free = {key: document[key] for key in FREE_TABLES if key in document}
    free = {key: dict(table) for key, table in _tables(free, "", complaints).items()}
    groups = {key: dict(table) for key, table in _tables(document.get("groups", {}), "groups", complaints).items()}
    for text in overrides:
        _override(text, active, installed, plugins, free, complaints)
    for name, table in free.items():
        complaints += check_table(_HOST_SETTINGS[name], table, f"[{name}]")
    options = {name: {key: table[key] for key in NODE_OPTIONS if key in table} for name, table in plugins.items()}
    for name, table in options.items():
        complaints += check_table(NodeOptions, table, f"[plugins.{name}]")
    tables = {
        name: {key: value for key, value in table.items() if key not in NODE_OPTIONS} for name, table in plugins.items()
    }
    for name, table in groups.items():
        complaints += check_table(GroupSettings, table, f"[groups.{name}]")
    missing = tuple(name for name in named_plugins(document, enable) if name not in installed)
    return PluginsToml(where, active, reasons, tables, options, free, groups, missing, tuple(dict.fromkeys(complaints)))


def named_plugins(document: Mapping[str, Any], enable: Sequence[str] = ()) -> tuple[str, ...]:
    """Every plugin that a document or --enable names, whatever the document's form; of a copy the original."""
    listed, tables = document.get("active"), document.get("plugins")
    named = [*(listed if isinstance(listed, list) else ()), *(tables if isinstance(tables, Mapping) else ()), *enable]
    copies = originals(document)
    return tuple(dict.fromkeys(copies.get(name, name) for name in named if isinstance(name, str)))


def _read_active(document: Mapping[str, Any], installed: Collection[str], complaints: list[str]) -> list[str]:
    """The plugins listed as active that are installed."""
    if "active" not in document:
        complaints.append('active is missing; list the plugins to load, as in active = ["village", "lsa"]')
        return []
    listed = document["active"]
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        complaints.append(f'active expects a list of plugin names, as in ["village", "lsa"], got {listed!r:.80}')
        return []
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        complaints.append(f"active lists '{name}' {listed.count(name)} times")
    for name in dict.fromkeys(listed):
        if name not in installed:
            complaints.append(f"active lists '{name}', which is not installed (installed: {names(installed)})")
    return [name for name in dict.fromkeys(listed) if name in installed]


def _switch(
    listed: Sequence[str],
    installed: Collection[str],
    enable: Sequence[str],
    disable: Sequence[str],
    complaints: list[str],
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The list after --enable and --disable, and which of them changed what."""
    active = list(listed)
    reasons = {}
    for name in sorted(set(enable) & set(disable)):
        complaints.append(f"'{name}' is both enabled and disabled")
    for name in enable:
        if name not in installed:
            complaints.append(f"--enable {name}: it is not installed (installed: {names(installed)})")
        elif name not in active:
            active.append(name)
            reasons[name] = "--enable"
    for name in dict.fromkeys(disable):
        if name not in listed and name not in enable:
            complaints.append(f"--disable {name}: it is not active (active: {', '.join(listed) or 'none'})")
        elif name in active:
            active.remove(name)
            reasons[name] = "--disable"
    return tuple(active), reasons


def _tables(value: object, prefix: str, complaints: list[str]) -> dict[str, Mapping[str, Any]]:
    """Those members that are tables; the others are complained about."""
    if not isinstance(value, Mapping):
        complaints.append(f"{prefix} expects tables, as in [{prefix}.backbone], got {value!r:.80}")
        return {}
    for name, table in value.items():
        if not isinstance(table, Mapping):
            path = f"{prefix}.{name}".lstrip(".")
            complaints.append(f"{path} expects a table, as in [{path}], got {table!r:.80}")
    return {name: table for name, table in value.items() if isinstance(table, Mapping)}


def _override(
    text: str,
    active: Collection[str],
    installed: Collection[str],
    plugins: dict[str, dict[str, Any]],
    free: dict[str, dict[str, Any]],
    complaints: list[str],
) -> None:
    """Put one --set into the tables; one without effect is a complaint."""
    try:
        target, key, value = parse_override(text)
    except SettingsError as error:
        complaints.append(re.sub(r"\s+", " ", str(error)))
        return
    if target in FREE_TABLES:
        free.setdefault(target, {})[key] = value
    elif target in active:
        plugins.setdefault(target, {})[key] = value
    elif target in installed:
        complaints.append(f"--set {text}: '{target}' is not active; add --enable {target}")
    else:
        known = names([*active, *FREE_TABLES])
        complaints.append(f"--set {text}: there is no plugin or table '{target}' (known: {known})")
