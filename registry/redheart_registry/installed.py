"""Everything that plugins.toml may name: the specs of all installed packages, found without importing any of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import attrs

from redheart_core.discovery.entries import Entry, installed_entries
from redheart_registry.cache import read_cache, write_cache
from redheart_registry.inspection import Inspection, Offer, inspect_entries

ALL = "all"
"""Names every node that plugins.toml lists, after --disable."""
NODES = ("analyzer", "head", "fusion")
"""Kinds of plugins that are nodes."""
_SETTLED_NS = 2_000_000_000
"""A folder that changed later than this before now might change again without its time showing it."""


_SEEN: ContextVar[dict[str, Installed] | None] = ContextVar("_SEEN", default=None)


@attrs.frozen
class Installed:
    """One plugin by its own name, and the package that offers it."""

    name: str
    entry: Entry
    offer: Offer
    """What it is; empty if the package cannot be imported."""
    broken: str = ""
    """Why it cannot be used; empty if it can."""
    shared: bool = False
    """Whether several packages offer the name."""
    original: str = ""
    """The plugin that it is a copy of; empty if it is none."""


def installed_plugins(wanted: Collection[str] = ()) -> dict[str, Installed]:
    """All installed plugins by name, sorted.

    Args:
        wanted: Names that are needed: a package that was broken when it was last inspected is inspected again
            if one of them is missing.
    """
    seen = _SEEN.get()
    if seen and all(name in seen for name in wanted):
        return dict(seen)
    entries = installed_entries()
    found = index(inspect_entries(entries, again=False))
    if not all(name in found for name in wanted):
        found = index(inspect_entries(entries))
    if seen is not None:
        seen |= found
    return found


@contextmanager
def looking_once() -> Iterator[None]:
    """Inside, installed_plugins() looks once: nothing is installed while a command runs."""
    token = _SEEN.set({})
    try:
        yield
    finally:
        _SEEN.reset(token)


def look_again() -> None:
    """From here on every look is a new one again, for a process that outlives what is installed now."""
    _SEEN.set(None)


def disabled(
    names: Sequence[str], document: Mapping[str, Any], enable: Collection[str], installed: Mapping[str, Installed]
) -> tuple[str, ...]:
    """The names after --disable, in which "all" stands for all nodes that a document lists and --enable does not."""
    if ALL not in names:
        return tuple(names)
    listed = document.get("active")  # its form is checked later
    known = [name for name in (listed if isinstance(listed, list) else ()) if name in installed]
    nodes = (name for name in known if installed[name].offer.kind in NODES and name not in enable)
    return tuple(dict.fromkeys((*(name for name in names if name != ALL), *nodes)))


def listed_plugins() -> dict[str, Installed]:
    """The same for listing: metadata from the user's cache folder, and every broken package is inspected again."""
    return index(inspect_entries(listed_entries()))


def index(inspections: Mapping[Entry, Inspection]) -> dict[str, Installed]:
    """Plugins by their own names, sorted; a package that cannot be imported goes by its entry point's name."""
    found: dict[str, list[Installed]] = {}
    for entry, inspection in inspections.items():
        for offer in inspection.offers:
            found.setdefault(offer.name, []).append(Installed(offer.name, entry, offer, offer.broken))
        if inspection.broken:
            broken = Installed(entry.name, entry, Offer(entry.name), inspection.broken)
            found.setdefault(entry.name, []).append(broken)
    return {name: _only(found[name]) for name in sorted(found)}


def _only(claims: list[Installed]) -> Installed:
    """The one that offers a name; several are an error that names all of them."""
    first, *rest = claims
    if not rest:
        return first
    owners = ", ".join(f"{one.entry.distribution} {one.entry.version} (module {one.entry.module})" for one in claims)
    complaint = f"plugin '{first.name}' is offered by several packages: {owners}; uninstall all but one"
    return Installed(first.name, first.entry, Offer(first.name), complaint, shared=True)


def broken_packages(plugins: Iterable[Installed]) -> list[str]:
    """Why packages that may offer a missing plugin cannot be imported."""
    return sorted({plugin.broken for plugin in plugins if not plugin.offer.kind and not plugin.shared})


def listed_entries() -> tuple[Entry, ...]:
    """All entry points, from the user's cache folder while no folder on the path has changed.

    Installing, upgrading and removing a distribution changes the folder that holds its metadata.
    """
    changed_ns = [_changed_ns(Path(path)) for path in sys.path]
    folders = [[path, changed] for path, changed in zip(sys.path, changed_ns, strict=True)]
    raw = read_cache("entries")
    try:
        if raw["folders"] == folders:
            return tuple(Entry(**entry) for entry in raw["entries"])
    except (LookupError, TypeError):  # no cache, or a damaged one
        pass
    entries = installed_entries()
    if time.time_ns() - max(changed_ns) > _SETTLED_NS:
        write_cache("entries", {"folders": folders, "entries": [attrs.asdict(entry) for entry in entries]})
    return entries


def _changed_ns(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0
