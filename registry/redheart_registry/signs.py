"""Signs of a crisis that installed packages add, active or not; no other plugin is imported."""

from __future__ import annotations

from redheart_core import PluginError, SignSpec
from redheart_registry.installed import installed_plugins
from redheart_registry.loading import load_one


def added_signs() -> tuple[SignSpec, ...]:
    """All of them, by name.

    Raises:
        PluginError: One is broken.
    """
    specs = []
    for installed in installed_plugins().values():
        if installed.offer.kind == "signs":
            plugin = load_one(installed)
            if not isinstance(plugin.spec, SignSpec):
                raise PluginError(f"plugin '{plugin.name}' is of kind {plugin.kind}, not signs")
            specs.append(plugin.spec)
    return tuple(specs)
