"""Limits of what a model knows that installed packages offer, active or not; no other plugin is imported."""

from __future__ import annotations

from redheart_core import LayerSpec, PluginError
from redheart_core.models.limits import ActiveLayer
from redheart_registry.installed import installed_plugins
from redheart_registry.loading import load_one


def installed_layers() -> tuple[ActiveLayer, ...]:
    """All of them, by name.

    Raises:
        PluginError: One is broken.
    """
    layers = []
    for installed in installed_plugins().values():
        if installed.offer.kind == "layer":
            plugin = load_one(installed)
            if not isinstance(plugin.spec, LayerSpec):
                raise PluginError(f"plugin '{plugin.name}' is of kind {plugin.kind}, no layer")
            layers.append(ActiveLayer(plugin.spec, plugin.entry.distribution, plugin.entry.version))
    return tuple(layers)
