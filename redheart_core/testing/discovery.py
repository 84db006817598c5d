"""From a plugin's name, module or folder to what it offers, for the conformance kit alone."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import pluggy

from redheart_core.contract import hookspecs
from redheart_core.contract.calculators import CalculatorSpec
from redheart_core.contract.calls import Hooks
from redheart_core.contract.data import DatasetSpec, EncoderSpec
from redheart_core.contract.errors import PluginError
from redheart_core.contract.markers import PROJECT_NAME
from redheart_core.contract.nodes import NodeSpec
from redheart_core.testing.plugin import Kind, Plugin

PREFIX = "redheart_"


def installed_plugins() -> Mapping[str, EntryPoint]:
    """Entry points by name; nothing is imported."""
    return {point.name: point for point in sorted(entry_points(group=PROJECT_NAME))}


def load_installed(name: str) -> Plugin:
    """Import the installed plugin of that name.

    Raises:
        PluginError: It is not installed, cannot be imported or breaks the rules of plugins.
    """
    points = installed_plugins()
    if name not in points:
        raise PluginError(f"plugin '{name}' is not installed (installed: {', '.join(points) or 'none'})")
    return load_module(name, points[name].module)


def load_module(name: str, module: str | ModuleType) -> Plugin:
    """Import a plugin's module, call its hooks and take what it offers.

    Raises:
        PluginError: It cannot be imported, implements unknown hooks, or does not offer exactly one spec of its name.
    """
    if isinstance(module, str):
        try:
            module = import_module(module)
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything; the error names its owner
            raise PluginError(f"plugin '{name}' cannot be imported: {type(error).__name__}: {error}") from error
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"plugin '{name}' does not fit the hooks of redheart: {error}") from error
    if not manager.get_hookcallers(module):
        raise PluginError(
            f"plugin '{name}': module {module.__name__} implements no hook; mark functions with @hookimpl"
        )
    hooks = Hooks(manager.hook)
    offers: dict[
        Kind,
        list[list[NodeSpec]] | list[list[DatasetSpec]] | list[list[EncoderSpec]] | list[list[CalculatorSpec]],
    ] = {
        "dataset": hooks.provide_datasets(),
        "encoder": hooks.provide_encoders(),
        "analyzer": hooks.provide_analyzers(),
        "head": hooks.provide_heads(),
        "fusion": hooks.provide_fusions(),
        "calculator": hooks.provide_calculators(),
    }
    found = [(kind, spec) for kind, lists in offers.items() for specs in lists for spec in specs]
    if not found:
        return Plugin(name, "events", None, module.__name__)
    if len(found) != 1 or found[0][1].name != name:
        raise PluginError(
            f"plugin '{name}' has to offer exactly one spec, named like its entry point; "
            f"it offers {', '.join(repr(spec.name) for _, spec in found)}"
        )
    return Plugin(name, found[0][0], found[0][1], module.__name__)


def folder_modules(folder: Path) -> Mapping[str, str]:
    """Plugin name to module name for a plugin's folder, installed or not.

    The entry points in its pyproject.toml count; without that, each package redheart_NAME in it
    is the installed plugins of that package, or the plugin NAME.

    Raises:
        PluginError: The folder holds no plugin.
    """
    project = folder / "pyproject.toml"
    if project.exists():
        try:
            table = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PluginError(f"{project} is not TOML: {error}") from error
        points: dict[str, str] = table.get("entry-points", {}).get(PROJECT_NAME, {})
        found = dict(points)
    else:
        packages = sorted(path.parent.name for path in folder.glob(f"{PREFIX}*/__init__.py"))
        found = {}
        for package in packages:
            known = {
                name: point.module
                for name, point in installed_plugins().items()
                if point.module.partition(".")[0] == package
            }
            found |= known or {package.removeprefix(PREFIX): package}
    if not found:
        raise PluginError(
            f"{folder} holds no plugin; expected a pyproject.toml with [project.entry-points.{PROJECT_NAME}] "
            f"or a package {PREFIX}NAME"
        )
    return found


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
