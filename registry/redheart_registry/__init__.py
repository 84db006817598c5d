"""Finds plugins, reads plugins.toml, and owns the only pluggy.PluginManager."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redheart_registry.details import sources
    from redheart_registry.inspection import Inspection, inspect_plugins
    from redheart_registry.installed import Entry, installed_entries
    from redheart_registry.registry import Registry, load_registry

__all__ = ["Entry", "Inspection", "Registry", "inspect_plugins", "installed_entries", "load_registry", "sources"]

_HOMES = {
    "Entry": "installed",
    "Inspection": "inspection",
    "Registry": "registry",
    "inspect_plugins": "inspection",
    "installed_entries": "installed",
    "load_registry": "registry",
    "sources": "details",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: listing plugins needs none of the loading."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
