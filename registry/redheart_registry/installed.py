"""What is installed: the entry points of all distributions, found without importing any."""

from __future__ import annotations

import keyword
import re
import sys
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import attrs

from redheart_core import PluginError
from redheart_core.contract.markers import PROJECT_NAME
from redheart_registry.cache import read_cache, write_cache

if TYPE_CHECKING:
    from importlib.metadata import Distribution

Kind = Literal["dataset", "encoder", "analyzer", "head", "fusion", "calculator", "events"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_SETTLED_NS = 2_000_000_000
"""A folder that changed later than this before now might change again without its time showing it."""

RESERVED_NAMES = ("active", "data", "plugins", "training")
"""Words with a meaning of their own in plugins.toml and --set."""


@attrs.frozen
class Entry:
    """One entry point of the group "redheart"."""

    name: str
    module: str
    """Dotted name of the module with the hook implementations."""
    distribution: str
    version: str
    others: tuple[str, ...] = ()
    """Further distributions that offer the same name, with their versions."""


def installed_entries() -> dict[str, Entry]:
    """All installed plugins by name, sorted."""
    from importlib.metadata import entry_points  # takes as long to import as all the rest of listing

    metadata: dict[Distribution, tuple[str, str]] = {}
    found: dict[str, list[Entry]] = {}
    for point in entry_points(group=PROJECT_NAME):
        assert point.dist is not None
        if point.dist not in metadata:
            metadata[point.dist] = (point.dist.name, point.dist.version)
        entry = Entry(point.name, point.value, *metadata[point.dist])
        found.setdefault(point.name, []).append(entry)
    entries = {}
    for name in sorted(found):
        first, *rest = sorted(found[name], key=lambda entry: (entry.distribution, entry.module))
        entries[name] = attrs.evolve(first, others=tuple(f"{entry.distribution} {entry.version}" for entry in rest))
    return entries


def listed_entries() -> dict[str, Entry]:
    """The same for listing, from the user's cache folder while no folder on the path has changed.

    Installing, upgrading and removing a distribution changes the folder that holds its metadata.
    """
    changed_ns = [_changed_ns(Path(path)) for path in sys.path]
    folders = [[path, changed] for path, changed in zip(sys.path, changed_ns, strict=True)]
    raw = read_cache("entries")
    try:
        if raw["folders"] == folders:
            found = [Entry(**{**entry, "others": tuple(entry["others"])}) for entry in raw["entries"]]
            return {entry.name: entry for entry in found}
    except (LookupError, TypeError):  # no cache, or a damaged one
        pass
    entries = installed_entries()
    if time.time_ns() - max(changed_ns) > _SETTLED_NS:
        write_cache("entries", {"folders": folders, "entries": [attrs.asdict(entry) for entry in entries.values()]})
    return entries


def _changed_ns(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def check_entry(entry: Entry) -> None:
    """Refuse what the entry point alone shows to be wrong.

    Raises:
        PluginError: Two owners, a name that cannot be used, or a value that is no module.
    """
    if entry.others:
        owners = ", ".join([f"{entry.distribution} {entry.version}", *entry.others])
        raise PluginError(f"plugin '{entry.name}' is offered by several distributions: {owners}; uninstall all but one")
    complaint = name_complaint(entry.name)
    if complaint:
        raise PluginError(f"{owner(entry)}: {complaint}")
    if not all(part.isidentifier() for part in entry.module.split(".")):
        raise PluginError(f"{owner(entry)}: its entry point has to name a module, got '{entry.module}'")


def name_complaint(name: str) -> str:
    """Why a plugin cannot have this name; empty if it can."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        return f"a plugin's name has to be lower-case letters, digits and _, beginning with a letter; got '{name}'"
    if name in RESERVED_NAMES:
        return f"a plugin cannot be named '{name}'; reserved: {', '.join(RESERVED_NAMES)}"
    return ""


def owner(entry: Entry) -> str:
    """The plugin and where it comes from, for messages."""
    return f"plugin '{entry.name}' ({entry.distribution} {entry.version}, module {entry.module})"


def names(entries: Mapping[str, object] | Iterable[str]) -> str:
    """Names for messages: sorted, with commas."""
    return ", ".join(sorted(entries)) or "none"


@cache
def core_version() -> str:
    """The version of redheart itself."""
    from importlib.metadata import version

    return version(PROJECT_NAME)
