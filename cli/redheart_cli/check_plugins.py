"""The conformance kit for installed plugins and for folders: the body of `redheart plugins check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redheart_cli.options import PluginChoice
from redheart_core import PluginError, SettingsError
from redheart_core.contract.errors import join_complaints
from redheart_registry.installed import Entry, installed_entries, names
from redheart_registry.loading import load_one
from redheart_registry.plugins_toml import PluginsToml, find_plugins_toml, parse_file, resolve

if TYPE_CHECKING:
    from redheart_core.testing import CheckResult


def check_plugins(
    targets: Sequence[str], choice: PluginChoice, progress: Callable[[str, int, int], None]
) -> list[CheckResult]:
    """Run the kit on plugins; one that cannot even be loaded fails and keeps no other from being checked.

    Args:
        targets: Names of installed plugins, active or not, and folders of plugins; all active plugins if there are
            none. A name comes before a folder that is called the same.
        choice: The plugins.toml whose settings data sets and encoders are tried with.
        progress: Gets what is checked, how many are done, and how many there are.

    Raises:
        PluginError: A target is neither installed nor a folder.
        SettingsError: plugins.toml or the options name what is not there.
    """
    entries = installed_entries()
    configuration = _configuration(choice, entries)
    found = [_find(target, entries) for target in targets or configuration.active]
    results: list[CheckResult] = []
    for number, target in enumerate(found):
        progress("check", number, len(found))
        results += _check(target, configuration.tables)
    progress("check", len(found), len(found))
    return results


def _configuration(choice: PluginChoice, entries: Mapping[str, Entry]) -> PluginsToml:
    path = find_plugins_toml(choice.plugins_toml)
    configuration = resolve(parse_file(path), str(path), entries, choice.enable, choice.disable, choice.overrides)
    if configuration.complaints:
        raise SettingsError(join_complaints(f"{path} cannot be used:", list(configuration.complaints)))
    return configuration


def _find(target: str, entries: Mapping[str, Entry]) -> Entry | Path:
    if target in entries:
        return entries[target]
    if Path(target).is_dir():
        return Path(target)
    raise PluginError(f"there is no plugin and no folder '{target}' (installed: {names(entries)})")


def _check(target: Entry | Path, tables: Mapping[str, Mapping[str, Any]]) -> list[CheckResult]:
    from redheart_core.testing import CheckResult, check_plugin

    try:
        if isinstance(target, Path):
            _load_folder(target)
            return check_plugin(target)
        load_one(target)  # the registry's own rules, and errors that name the distribution
        return check_plugin(target.name, settings=tables.get(target.name))
    except PluginError as error:
        name = str(target) if isinstance(target, Path) else target.name
        return [CheckResult(name, "loading", "failed", str(error))]


def _load_folder(folder: Path) -> None:
    """Ask of a folder's plugins what the registry will ask of them when they are installed."""
    from redheart_core.testing.discovery import folder_modules, importable

    with importable(folder):
        for name, module in folder_modules(folder).items():
            load_one(Entry(name, module, str(folder), "not installed"))
