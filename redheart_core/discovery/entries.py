"""What is installed: the entry points of all distributions, found without importing any."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import attrs

from redheart_core.contract.errors import PluginError
from redheart_core.contract.markers import PROJECT_NAME

if TYPE_CHECKING:
    from importlib.metadata import Distribution

NOT_INSTALLED = "not installed"
"""Stands for the version of a folder or module that no distribution brings."""
RESERVED_NAMES = ("active", "analysis", "data", "plugins", "training")
"""Words with a meaning of their own in plugins.toml and --set."""


@attrs.frozen(order=True)
class Entry:
    """One entry point of the group "redheart": a module that offers one or more plugins."""

    name: str
    """Of the entry point; a plugin of event hooks alone is called like it."""
    module: str
    """Dotted name of the module with the hook implementations."""
    distribution: str
    version: str

    def owner(self, plugin: str = "") -> str:
        """A plugin and the package that it comes from, for messages; without a name, the entry point's."""
        return f"plugin '{plugin or self.name}' ({self.distribution} {self.version}, module {self.module})"


def installed_entries() -> tuple[Entry, ...]:
    """All entry points, sorted."""
    from importlib.metadata import entry_points  # takes as long to import as all the rest of listing

    metadata: dict[Distribution, tuple[str, str]] = {}
    found = set()
    for point in entry_points(group=PROJECT_NAME):
        assert point.dist is not None
        if point.dist not in metadata:
            metadata[point.dist] = (point.dist.name, point.dist.version)
        found.add(Entry(point.name, point.value, *metadata[point.dist]))
    return tuple(sorted(found))


def check_entry(entry: Entry) -> None:
    """Refuse what the entry point alone shows to be wrong.

    Raises:
        PluginError: A name that cannot be used, or a value that is no module.
    """
    complaint = name_complaint(entry.name)
    if complaint:
        raise PluginError(f"{entry.owner()}: {complaint}")
    if not all(part.isidentifier() for part in entry.module.split(".")):
        raise PluginError(f"{entry.owner()}: its entry point has to name a module, got '{entry.module}'")


def name_complaint(name: str) -> str:
    """Why a plugin cannot have this name; empty if it can."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        return f"a plugin's name has to be lower-case letters, digits and _, beginning with a letter; got '{name}'"
    if name in RESERVED_NAMES:
        return f"a plugin cannot be named '{name}'; reserved: {', '.join(RESERVED_NAMES)}"
    return ""


def names(entries: Mapping[str, object] | Iterable[str]) -> str:
    """Names for messages: sorted, with commas."""
    return ", ".join(sorted(entries)) or "none"


@cache
def core_version() -> str:
    """The version of redheart itself."""
    from importlib.metadata import version

    return version(PROJECT_NAME)
