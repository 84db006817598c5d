"""The process that imports plugins in order to inspect them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from redheart_core import NodeSpec, PluginError
from redheart_core.discovery.entries import Entry
from redheart_core.discovery.offers import Plugin, load_entry
from redheart_core.discovery.rules import check_rules
from redheart_registry.inspection import Inspection, Offer


def main(entries: Iterable[Mapping[str, Any]]) -> None:
    """Inspect one package after another and print a JSON line for each, so that a crash costs one result only."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a plugin prints at any time, at its end too, goes to stderr
    for entry in entries:
        result = inspect_entry(Entry(**entry))
        results.write(json.dumps([entry, attrs.asdict(result)]) + "\n")
        results.flush()


def inspect_entry(entry: Entry) -> Inspection:
    """Load a package's module in this process and say what it offers."""
    try:
        return Inspection(tuple(_offer(plugin) for plugin in load_entry(entry)))
    except PluginError as error:
        return Inspection(broken=str(error))


def _offer(plugin: Plugin) -> Offer:
    broken = ""
    try:
        check_rules(plugin)
    except PluginError as error:
        broken = str(error)
    spec = plugin.spec
    meaning = spec.meaning if spec is not None else "event hooks"
    if not isinstance(spec, NodeSpec):
        return Offer(plugin.name, plugin.kind, meaning, broken=broken)
    return Offer(
        plugin.name,
        plugin.kind,
        meaning,
        spec.group or spec.name,
        spec.reads,
        spec.targets,
        adds_nothing=spec.adds_nothing,
        broken=broken,
    )
