"""Nodes that plugins.toml uses once more under other names: `[plugins.NAME] of = "linear"`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from redheart_core import NodeSpec, PluginError
from redheart_core.discovery.entries import name_complaint, names
from redheart_core.discovery.offers import Plugin
from redheart_registry.installed import Installed


def originals(document: Mapping[str, Any]) -> dict[str, str]:
    """The copies that a document names, with what each is a copy of; malformed tables are left to others."""
    plugins = document.get("plugins")
    tables = plugins.items() if isinstance(plugins, Mapping) else ()
    given = {name: table["of"] for name, table in tables if isinstance(table, Mapping) and "of" in table}
    return {name: of for name, of in given.items() if isinstance(of, str)}


def with_copies(installed: Mapping[str, Installed], document: Mapping[str, Any]) -> dict[str, Installed]:
    """What is installed, and beside it the copies of a document."""
    found = dict(installed)
    for name, of in originals(document).items():
        if name not in installed and of in installed and not name_complaint(name):
            offer = installed[of].offer
            group = name if offer.group else ""
            found[name] = attrs.evolve(
                installed[of], name=name, offer=attrs.evolve(offer, name=name, group=group), original=of
            )
    return found


def copy_complaint(name: str, of: str, installed: Collection[str]) -> str:
    """Why there cannot be such a copy."""
    reason = name_complaint(name) or f"'{of}' is not installed (installed: {names(installed)})"
    return f"[plugins.{name}] of = '{of}': {reason}"


def copied(plugin: Plugin, name: str) -> Plugin:
    """The plugin under another name, in a group of its own; it is no baseline, of which there is one.

    Raises:
        PluginError: It is no node.
    """
    if not isinstance(plugin.spec, NodeSpec):
        raise PluginError(
            f"[plugins.{name}] of = '{plugin.name}': only nodes have copies; that is of kind {plugin.kind}"
        )
    return attrs.evolve(plugin, name=name, spec=attrs.evolve(plugin.spec, name=name, group=None, baseline=False))
