"""The process that imports plugins in order to inspect them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from redheart_core import NodeSpec, RedheartError
from redheart_registry.inspection import Inspection
from redheart_registry.installed import Entry
from redheart_registry.loading import load_one


def main(entries: Iterable[Mapping[str, Any]]) -> None:
    """Inspect one plugin after another and print a JSON line for each, so that a crash costs one result only."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a plugin prints while it is imported goes to stderr
    for entry in entries:
        result = inspect_plugin(Entry(**{**entry, "others": tuple(entry["others"])}))
        results.write(json.dumps([entry["name"], attrs.asdict(result)]) + "\n")
        results.flush()


def inspect_plugin(entry: Entry) -> Inspection:
    """Load a plugin in this process and say what it is."""
    try:
        plugin = load_one(entry)
    except RedheartError as error:
        return Inspection(broken=str(error))
    group = (plugin.spec.group or entry.name) if isinstance(plugin.spec, NodeSpec) else ""
    return Inspection(plugin.kind, group)
