"""The conformance kit for installed plugins and for folders: the body of `redheart plugins check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redheart.options import PluginChoice
from redheart_core import PluginError, SettingsError
from redheart_core.contract.errors import join_complaints
from redheart_core.discovery.entries import names
from redheart_registry.copies import with_copies
from redheart_registry.installed import Installed, installed_plugins
from redheart_registry.loading import load_one
from redheart_registry.plugins_toml import PluginsToml, find_plugins_toml, named_plugins, parse_file, resolve

if TYPE_CHECKING:
    from redheart_core.testing import CheckResult


def check_plugins(
    targets: Sequence[str], choice: PluginChoice, progress: Callable[[str, int, int], None]
) -> list[CheckResult]:
    """Run the kit on plugins; one that cannot even be loaded fails and keeps no other from being checked.

    Args:
        targets: Names of installed plugins, active or not, of packages, which stand for all their plugins, and folders
            of plugins; all active plugins if there are none. A name comes before a folder that is called the same.
        choice: The plugins.toml whose settings data sets and encoders are tried with.
        progress: Gets what is checked, how many are done, and how many there are.

    Raises:
        PluginError: A target is neither installed nor a folder.
        SettingsError: plugins.toml or the options name what is not there.
    """
    path = find_plugins_toml(choice.plugins_toml)
    document = parse_file(path)
    installed = with_copies(installed_plugins([*named_plugins(document, choice.enable), *targets]), document)
    configuration = resolve(document, str(path), installed, choice.enable, choice.disable, choice.overrides)
    if configuration.complaints:
        raise SettingsError(join_complaints(f"{path} cannot be used:", list(configuration.complaints)))
    found = [one for target in targets or configuration.active for one in _find(target, installed)]
    results: list[CheckResult] = []
    for number, target in enumerate(found):
        progress("check", number, len(found))
        results += _check(target, configuration)
    progress("check", len(found), len(found))
    return results


def _find(target: str, installed: Mapping[str, Installed]) -> list[Installed | Path]:
    if target in installed:
        return [installed[target]]
    package: list[Installed | Path] = [plugin for plugin in installed.values() if plugin.entry.name == target]
    if package:
        return package
    if Path(target).is_dir():
        return [Path(target)]
    raise PluginError(f"there is no plugin, no package and no folder '{target}' (installed: {names(installed)})")


def _check(target: Installed | Path, configuration: PluginsToml) -> list[CheckResult]:
    from redheart_core.testing import CheckResult, check_plugin, run_checks

    try:
        if isinstance(target, Path):
            return check_plugin(target)
        settings: Mapping[str, Any] | None = configuration.tables.get(target.name)
        return run_checks(load_one(target), settings=settings)
    except PluginError as error:
        name = str(target) if isinstance(target, Path) else target.name
        return [CheckResult(name, "loading", "failed", str(error))]
