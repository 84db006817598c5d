"""Finds plugins, reads plugins.toml, and owns the only pluggy.PluginManager."""

from redheart_registry.inspection import Inspection, inspect_plugins
from redheart_registry.installed import Entry, installed_entries
from redheart_registry.registry import Registry, load_registry

__all__ = ["Entry", "Inspection", "Registry", "inspect_plugins", "installed_entries", "load_registry"]
