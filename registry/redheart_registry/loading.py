"""Import the packages of the active plugins into one pluggy.PluginManager, and check the plugins' tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from redheart_core import NodeSpec, PluginError
from redheart_core.config.tables import NODE_OPTIONS
from redheart_core.discovery.entries import Entry, names
from redheart_core.discovery.offers import Plugin, ask, import_entry, load_entry, register
from redheart_core.discovery.rules import check_rules
from redheart_core.storage.settings import check_table
from redheart_registry.copies import copied
from redheart_registry.installed import Installed


def load_one(installed: Installed) -> Plugin:
    """Import and check a single plugin, apart from all others.

    Raises:
        PluginError: It cannot be imported or breaks its contract, or several packages offer it.
    """
    refuse_shared_name(installed)
    return _pick(load_entry(installed.entry), installed)


def load_active(
    manager: pluggy.PluginManager, active: Sequence[Installed]
) -> tuple[dict[str, Plugin], list[PluginError]]:
    """Import every package once, in the order of its first plugin, and register in reverse: pluggy calls the last
    registered first.

    Args:
        manager: Gets the modules.
        active: The active plugins in order.

    Returns:
        The plugins that can be used by name, in order, and why the others cannot.
    """
    broken: list[PluginError] = []
    modules = {}
    wanted: dict[Entry, list[Installed]] = {}
    for one in active:
        try:
            refuse_shared_name(one)
            wanted.setdefault(one.entry, []).append(one)
        except PluginError as error:
            broken.append(error)
    for entry, plugins in wanted.items():
        try:
            modules[entry] = import_entry(entry, [one.name for one in plugins])
        except PluginError as error:
            broken.append(error)
    registered = []
    for entry in reversed(modules):
        try:
            register(manager, modules[entry], entry.module, entry.owner())
            registered.append(entry)
        except PluginError as error:
            broken.append(error)
    loaded = {}
    for entry in reversed(registered):
        try:
            offers = ask(manager, modules[entry], entry)
        except PluginError as error:
            broken.append(error)
            continue
        for one in wanted[entry]:
            try:
                loaded[one.name] = _pick(offers, one)
            except PluginError as error:
                broken.append(error)
    return {one.name: loaded[one.name] for one in active if one.name in loaded}, broken


def refuse_shared_name(installed: Installed) -> None:
    """Refuse a name that several packages offer.

    Raises:
        PluginError: Names all of them.
    """
    if installed.shared:
        raise PluginError(installed.broken)


def _pick(offers: Sequence[Plugin], installed: Installed) -> Plugin:
    """The plugin of that name, checked."""
    wanted = installed.original or installed.name
    for plugin in offers:
        if plugin.name == wanted:
            check_rules(plugin)
            return copied(plugin, installed.name) if installed.original else plugin
    found = names(plugin.name for plugin in offers)
    raise PluginError(f"{installed.entry.owner()} offers no plugin '{wanted}' (it offers {found})")


def settings_complaints(plugin: Plugin, table: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """What is wrong with a plugin's table, as far as that does not depend on the scale."""
    where = f"[plugins.{plugin.name}]"
    also = NODE_OPTIONS if isinstance(plugin.spec, NodeSpec) else ()
    complaints = check_table(plugin.spec.settings, table, where, also) if plugin.spec is not None else []
    if plugin.spec is None and table:
        complaints.append(f"{where}: a plugin of event hooks has no settings, got {names(table)}")
    if options and not isinstance(plugin.spec, NodeSpec):
        complaints.append(f"{where}: only nodes have {names(options)}; '{plugin.name}' is of kind {plugin.kind}")
    if isinstance(plugin.spec, NodeSpec):
        ignored = options.get("ignores", ())
        known = plugin.spec.optional_reads
        complaints += [
            f"{where} ignores: '{name}' is no field that it can do without (such fields: {names(known)})"
            for name in (ignored if isinstance(ignored, list | tuple) else ())
            if name not in known
        ]
    return complaints
