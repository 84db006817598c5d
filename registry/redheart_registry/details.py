"""Everything about one plugin: what `redheart plugins info` shows. Needs torch for the number of parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from redheart_core import (
    CATALOGUE,
    SCALES,
    ActiveNode,
    CalculatorSpec,
    DataError,
    DatasetSpec,
    Field,
    NodeSpec,
    PluginError,
    SettingsError,
)
from redheart_core.config.tables import DEFAULT_TERMS
from redheart_core.contract.data import EXAMPLE_TOKENIZERS, EXAMPLE_WIDTH
from redheart_core.contract.fields import describe_shape
from redheart_core.contract.nodes import VIEWS
from redheart_core.discovery.entries import names
from redheart_core.groups.binding import resolve_node
from redheart_core.groups.graph import bind_nodes, output_shapes
from redheart_core.storage.settings import describe_settings
from redheart_registry.copies import originals, with_copies
from redheart_registry.installed import Installed, installed_plugins
from redheart_registry.loading import load_one
from redheart_registry.plugins_toml import find_plugins_toml, parse_file, resolve
from redheart_registry.registry import Registry, load_registry


def describe_plugin(name: str, plugins_toml: Path | None = None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """One installed plugin, active or not, as plain JSON.

    Nodes that it reads are loaded with it; others only if they are data sets that may declare a field it needs or
    learns, or if it gathers what they answer.

    Raises:
        PluginError: It is not installed or breaks its contract.
        SettingsError: Its settings are wrong.
    """
    path = find_plugins_toml(plugins_toml)
    document = parse_file(path)
    installed = with_copies(installed_plugins([originals(document).get(name, name)]), document)
    if name not in installed:
        raise PluginError(f"there is no plugin '{name}' (installed: {names(installed)})")
    configuration = resolve(document, str(path), installed)
    active = configuration.active
    beside = {other: configuration.node_options(other).beside for other in active}
    wanted = _with_sources(name, installed, beside)
    learns_any = any(spec.learns_any for spec in wanted.values() if spec is not None)
    if learns_any or _used_fields(wanted) - set(CATALOGUE):
        wanted |= {other: None for other in active if installed[other].offer.kind == "dataset"}
    gathers = any(spec.gathers or spec.gathers_any for spec in wanted.values() if spec is not None)
    disable = [other for other in active if other not in wanted and not gathers]
    registry = load_registry(path, list(wanted), disable, overrides)
    return _describe(name, registry)


def sources(name: str) -> tuple[str, ...]:
    """An installed plugin and all nodes that it reads, directly or not.

    Raises:
        PluginError: It is not installed or breaks its contract.
    """
    installed = installed_plugins([name])
    if name not in installed:
        raise PluginError(f"there is no plugin '{name}' (installed: {names(installed)})")
    return tuple(_with_sources(name, installed, {}))


def _with_sources(
    name: str, installed: Mapping[str, Installed], beside: Mapping[str, Sequence[str]]
) -> dict[str, NodeSpec | None]:
    """The plugin and all nodes that it reads or that stand beside, directly or not; None for what is no node."""
    wanted: dict[str, NodeSpec | None] = {}
    queue = [name]
    while queue:
        current = queue.pop(0)
        if current not in wanted and current in installed:
            spec = load_one(installed[current]).spec
            wanted[current] = spec if isinstance(spec, NodeSpec) else None
            queue += _sources(wanted[current])
            queue += [read.partition(".")[0] for read in beside.get(current, ())]
    return wanted


def _sources(spec: NodeSpec | None) -> list[str]:
    """The nodes that a node reads or names; none for other kinds."""
    if spec is None:
        return []
    return [*(read.partition(".")[0] for read in spec.reads if "." in read), *spec.gathers_from]


def _used_fields(plugins: Mapping[str, NodeSpec | None]) -> set[str]:
    """Fields that the nodes cannot do without."""
    nodes = [spec for spec in plugins.values() if spec is not None]
    return {field for node in nodes for field in (*node.read_fields, *node.targets)}


def _describe(name: str, registry: Registry) -> dict[str, Any]:
    plugin = registry.plugins[name]
    details: dict[str, Any] = {
        "name": name,
        "kind": plugin.kind,
        "meaning": plugin.spec.meaning if plugin.spec is not None else "event hooks",
        "version": plugin.entry.version,
        "distribution": plugin.entry.distribution,
        "module": plugin.entry.module,
    }
    if plugin.spec is not None:
        details["minimum_core"] = plugin.spec.minimum_core
        details["settings"] = _settings(plugin.spec.settings, registry.plugins_toml.tables.get(name, {}))
    if isinstance(plugin.spec, NodeSpec):
        details |= _describe_node(name, registry)
    elif isinstance(plugin.spec, DatasetSpec):
        details["fields"] = _dataset_fields(name, registry)
    elif isinstance(plugin.spec, CalculatorSpec):
        details["inputs"] = [attrs.asdict(given) for given in plugin.spec.inputs]
    return details


def _settings(cls: type[Any], table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Type and default of each setting, and what plugins.toml and --set make of it."""
    rows = describe_settings(cls)
    return [{**row, "set": table[row["key"]]} if row["key"] in table else row for row in rows]


def _dataset_fields(name: str, registry: Registry) -> list[dict[str, Any]] | None:
    """The fields of a data set; None if they depend on settings that are not there yet."""
    try:
        spec, settings = registry.dataset(name)
        return [_field(field) for field in spec.fields(settings)]
    except (SettingsError, DataError):
        return None


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "meaning": field.meaning,
        "shape": describe_shape(field.shape),
        "labels": list(field.labels),
        "low": _finite(field.low),
        "high": _finite(field.high),
        "unit": field.unit,
    }


def _describe_node(name: str, registry: Registry) -> dict[str, Any]:
    nodes, fields = registry.nodes("small"), known_fields(registry, name)
    node = next(node for node in nodes if node.name == name)
    spec = resolve_node(node.spec, fields)
    details: dict[str, Any] = {
        "group": node.group,
        "learning_rate": ", ".join(f"{rate:g} at {scale}" for scale, rate in spec.learning_rates.items()),
        "learning_rate_scale": node.learning_rate_scale,
        "loss_weight": node.loss_weight,
        "residual": node.residual,
        "learns": list(node.learns),
        "reads": [*spec.reads, *spec.optional_reads, *node.beside, *_gathered(node, nodes, fields)],
        "gathers": list(spec.gathers),
        "gives": [
            {
                "name": output.name,
                "meaning": output.meaning,
                "form": output.form,
                "labels": output.labels,
                "needs": sorted({*output.needs, *([output.labels] if output.labels else [])}),
                "low": _finite(output.low),
                "high": _finite(output.high),
            }
            for output in spec.gives
        ],
        "targets": list(spec.targets),
        "optional_reads": list(spec.optional_reads),
        "optional_targets": list(spec.optional_targets),
        "adds_nothing": spec.adds_nothing,
        "embedding_width": EXAMPLE_WIDTH,
    }
    missing = _used_fields({node.name: node.spec for node in nodes}) - set(fields)
    if missing:
        details["note"] = f"no sizes: no active data set declares the field {names(missing)}"
        return {**details, "losses": [], "metrics": [], "scales": {}}
    if not spec.gives:
        details["note"] = "no sizes: no active data set declares a field that it learns"
        return {**details, "losses": [], "metrics": [], "scales": {}}
    scales = {scale: _at_scale(name, registry.nodes(scale), scale, fields) for scale in SCALES}
    return {**details, **_objective(name, nodes, fields), "scales": scales}


def _gathered(node: ActiveNode, nodes: Sequence[ActiveNode], fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The outputs of active nodes that a node gathers on a data set that has all these fields."""
    if not (node.spec.gathers or node.spec.gathers_any):
        return ()
    bound = next(other for other in bind_nodes(nodes, fields) if other.name == node.name)
    declared = (*node.spec.reads, *node.spec.optional_reads)
    return tuple(read for read in bound.spec.reads if read not in declared)


def _objective(name: str, nodes: Sequence[ActiveNode], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Losses and metrics on a data set that has all these fields."""
    from redheart_core.groups.group_module import Surroundings, make_objective

    bound = bind_nodes(nodes, fields)
    node = next(node for node in bound if node.name == name)
    if node.spec.objective is None:
        return {"losses": [], "metrics": []}
    shapes = output_shapes(bound, fields, EXAMPLE_WIDTH, DEFAULT_TERMS, EXAMPLE_TOKENIZERS)
    wanted = frozenset(output.name for output in node.spec.gives)
    objective = make_objective(node, Surroundings(fields, shapes, "small", 0, EXAMPLE_TOKENIZERS), wanted)
    return {
        "losses": [
            {"output": term.output, "target": term.target, "takes": term.takes, "weight": term.weight}
            for term in objective.losses
        ],
        "metrics": [
            {"name": metric.name, "output": metric.output, "target": metric.target, "direction": metric.direction}
            for metric in objective.metrics
        ],
    }


def known_fields(registry: Registry, node: str) -> dict[str, Field]:
    """The catalogue and what the loaded data sets declare beyond it that a node can learn from.

    One that reads the text cannot learn from a data set without texts.
    """
    fields, read = dict(CATALOGUE), registry.plugins[node].spec
    needs_texts = isinstance(read, NodeSpec) and not set(VIEWS).isdisjoint(read.reads)
    for name, plugin in registry.plugins.items():
        if plugin.kind == "dataset":
            try:
                spec, settings = registry.dataset(name)
                if spec.texts or not needs_texts:
                    fields = {field.name: field for field in spec.fields(settings)} | fields
            except (SettingsError, DataError):  # a data set that nobody has configured declares nothing yet
                continue
    return fields


def _at_scale(name: str, nodes: Sequence[ActiveNode], scale: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Number of parameters, and shapes of what the node reads and gives."""
    import torch

    from redheart_core.groups.group_module import Surroundings, build_node

    bound = bind_nodes(nodes, fields)
    shapes = output_shapes(bound, fields, EXAMPLE_WIDTH, DEFAULT_TERMS, EXAMPLE_TOKENIZERS)
    node = next(node for node in bound if node.name == name)
    with torch.device("meta"):
        wanted = frozenset(output.name for output in node.spec.gives)
        module = build_node(node, Surroundings(fields, shapes, scale, 0, EXAMPLE_TOKENIZERS), wanted)
    return {
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "settings": dict(node.spec.scales[scale]),
        "reads": {read: describe_shape(shapes[read]) for read in (*node.spec.reads, *node.beside)},
        "gives": {output.name: describe_shape(shapes[f"{name}.{output.name}"]) for output in node.spec.gives},
    }


def _finite(value: float) -> float | None:
    """None for a side without bound, which JSON has no number for."""
    return value if math.isfinite(value) else None
