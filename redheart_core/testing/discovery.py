"""From a plugin's name, module or folder to what it offers, for the conformance kit."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from redheart_core.contract.errors import PluginError
from redheart_core.contract.markers import PROJECT_NAME
from redheart_core.discovery.entries import NOT_INSTALLED, Entry, installed_entries, names
from redheart_core.discovery.offers import Plugin, load_entry, offers_of
from redheart_core.discovery.rules import check_rules
from redheart_core.storage.toml_text import parse_toml

PREFIX = "redheart_"


def load_installed(name: str) -> Plugin:
    """Import the package that offers the installed plugin of that name.

    Raises:
        PluginError: No package offers it, a package cannot be imported, or it breaks the rules of plugins.
    """
    found = {plugin.name: plugin for plugin in load_named(name)}
    if name not in found:
        raise PluginError(f"'{name}' is a package of several plugins; name one of them: {names(found)}")
    return found[name]


def load_named(name: str) -> tuple[Plugin, ...]:
    """All plugins of the installed package with an entry point of that name, or else the one plugin of that name.

    Raises:
        PluginError: As load_installed; or a package that might offer a plugin of that name cannot be imported.
    """
    entries = installed_entries()
    packages = [entry for entry in entries if entry.name == name]
    if packages:
        found = [plugin for entry in packages for plugin in load_entry(entry)]
    else:
        found = [plugin for plugin in load_all(entries) if plugin.name == name]
    if not found:
        raise PluginError(f"plugin '{name}' is not installed (packages: {names(entry.name for entry in entries)})")
    return _checked(found)


def load_all(entries: tuple[Entry, ...] | None = None) -> Iterator[Plugin]:
    """The plugins of every installed package; they are not checked.

    Args:
        entries: The entry points of the packages; all that are installed if not given.

    Raises:
        PluginError: A package cannot be imported; names it.
    """
    for entry in installed_entries() if entries is None else entries:
        yield from load_entry(entry)


def load_module(module: ModuleType, name: str = "") -> tuple[Plugin, ...]:
    """What an imported module offers, as if it were installed under a name.

    Raises:
        PluginError: Its hooks do not fit, or it breaks the rules of plugins.
    """
    name = name or module.__name__.rpartition(".")[2].removeprefix(PREFIX)
    return _checked(offers_of(Entry(name, module.__name__, "a module", NOT_INSTALLED), module))


def load_folder(folder: Path) -> tuple[Plugin, ...]:
    """What a plugin's folder offers, installed or not; its packages have to be importable.

    Raises:
        PluginError: It holds no plugin, or one that breaks the rules of plugins.
    """
    return _checked([plugin for entry in folder_entries(folder) for plugin in load_entry(entry)])


def _checked(plugins: Sequence[Plugin]) -> tuple[Plugin, ...]:
    for plugin in plugins:
        check_rules(plugin)
    return tuple(plugins)


def folder_entries(folder: Path) -> tuple[Entry, ...]:
    """The entry points of a plugin's folder, installed or not.

    Those in its pyproject.toml count; without that, each package redheart_NAME in it is an entry point.

    Raises:
        PluginError: The folder holds no plugin.
    """
    project = folder / "pyproject.toml"
    if project.exists():
        try:
            table = parse_toml(project.read_text(encoding="utf-8")).get("project", {})
        except ValueError as error:
            raise PluginError(f"{project} is not TOML: {error}") from error
        points: Mapping[str, str] = table.get("entry-points", {}).get(PROJECT_NAME, {})
    else:
        packages = sorted(path.parent.name for path in folder.glob(f"{PREFIX}*/__init__.py"))
        points = {package.removeprefix(PREFIX): package for package in packages}
    if not points:
        raise PluginError(
            f"{folder} holds no plugin; expected a pyproject.toml with [project.entry-points.{PROJECT_NAME}] "
            f"or a package {PREFIX}NAME"
        )
    return tuple(Entry(name, module, str(folder), NOT_INSTALLED) for name, module in points.items())


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Inside, packages of a plugin's folder (or its src folder) can be imported."""
    roots = [str(root.resolve()) for root in (folder / "src", folder) if root.is_dir()]
    sys.path[:0] = roots
    try:
        yield
    finally:
        for root in roots:
            sys.path.remove(root)
