"""A group with other settings: its own, those of its plugins, its scale, and which optional inputs it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import SettingsError, join_complaints
from redheart_core.contract.nodes import SCALES, NodeSpec
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group
from redheart_core.storage.settings import as_table, describe_settings, read_or_complain, setting_names

Value = bool | int | float | str
Kind = Literal["groups", "plugins"]
Place = tuple[Kind, str, str]
"""("groups", group, key) or ("plugins", plugin, key)."""
Values = Mapping[Place, Value]

SCALE = "scale"
"""Key of a group: all its plugins at the size of a scale."""
DROPOUT = "dropout"
"""Key of a group: every dropout of its plugins."""
DROPOUT_FACTOR = "dropout_factor"
"""Key of a group: every dropout of its plugins times this, at most MOST_DROPOUT."""
MOST_DROPOUT = 0.9
RESIDUAL = "residual"
"""Key of a plugin, and of a group for all its plugins that can: whether they learn what the baseline leaves."""
READS = "reads."
"""Begins the keys of a plugin that say whether it reads an optional field, true or false."""
FACTORS = ("learning_rate_scale", "loss_weight")
"""Keys of every plugin that are numbers above 0."""


def group_keys() -> set[str]:
    """What may change of a group."""
    return {*setting_names(GroupSettings), SCALE, DROPOUT, DROPOUT_FACTOR, RESIDUAL}


def dropouts(node: ActiveNode) -> tuple[str, ...]:
    """The settings of a plugin that are shares of what is dropped."""
    return tuple(
        row["key"]
        for row in describe_settings(node.spec.settings)
        if "dropout" in row["key"] and row["type"] == "a finite number"
    )


def node_keys(node: ActiveNode) -> set[str]:
    """What may change of a plugin."""
    return {
        *setting_names(node.spec.settings),
        *FACTORS,
        RESIDUAL,
        *(READS + name for name in node.spec.optional_reads),
    }


def changed(group: Group, values: Values, scale: str) -> Group:
    """The group with other settings.

    Args:
        group: Bound.
        values: What changes.
        scale: Of the training: a setting that is not as this scale has it was set by hand, and stays.

    Raises:
        SettingsError: A value is not allowed; all of them.
    """
    complaints: list[str] = []
    own: dict[str, Any] = {key: value for (kind, _, key), value in values.items() if kind == "groups"}
    size = own.pop(SCALE, scale)
    if size not in SCALES:
        raise SettingsError(f"[groups.{group.name}] 'scale' expects one of {', '.join(SCALES)}, got {size!r}")
    values = {**_for_each_node(group, own), **values}
    where = f"[groups.{group.name}]"
    settings = read_or_complain(GroupSettings, {**as_table(group.settings), **own}, where, complaints)
    nodes = tuple(_changed_node(node, values, (scale, size), complaints) for node in group.nodes)
    if complaints or settings is None:
        raise SettingsError(join_complaints("the settings cannot be used:", complaints))
    return attrs.evolve(group, settings=settings, nodes=nodes)


def _for_each_node(group: Group, own: dict[str, Any]) -> Values:
    """Takes the keys of a group that stand for one of each of its plugins."""
    values: dict[Place, Value] = {}
    if DROPOUT in own:
        share = own.pop(DROPOUT)
        values |= {("plugins", node.name, key): share for node in group.nodes for key in dropouts(node)}
    if DROPOUT_FACTOR in own:
        factor = own.pop(DROPOUT_FACTOR)
        if isinstance(factor, bool | str) or factor < 0:
            raise SettingsError(f"[groups.{group.name}] '{DROPOUT_FACTOR}' expects a number from 0 on, got {factor!r}")
        values |= {
            ("plugins", node.name, key): min(factor * as_table(node.settings)[key], MOST_DROPOUT)
            for node in group.nodes
            for key in dropouts(node)
        }
    if RESIDUAL in own:
        start = own.pop(RESIDUAL)
        values |= {("plugins", node.name, RESIDUAL): start for node in group.nodes if node.residual_fields}
    return values


def settings_tables(group: Group, own: Group, values: Values) -> dict[str, dict[str, dict[str, Any]]]:
    """The tables "groups" and "plugins" of plugins.toml that make a group of what it is without them.

    Args:
        group: What changed gives for the values.
        own: As it was.
        values: Those of settings stand in the tables, whether they change anything or not.
    """
    tables: dict[str, dict[str, dict[str, Any]]] = {"groups": {}, "plugins": {}}
    tables["groups"][group.name] = _differences(as_table(group.settings), as_table(own.settings))
    for node, before in zip(group.nodes, own.nodes, strict=True):
        table = _differences(as_table(node.settings), as_table(before.settings))
        for name in (*FACTORS, RESIDUAL):
            if getattr(node, name) != getattr(before, name):
                table[name] = getattr(node, name)
        if node.ignores != before.ignores:
            table["ignores"] = list(node.ignores)
        tables["plugins"][node.name] = table
    for (kind, name, key), value in values.items():
        if (kind != "groups" or key not in (SCALE, DROPOUT, DROPOUT_FACTOR, RESIDUAL)) and not key.startswith(READS):
            tables[kind][name][key] = value
    found = {kind: {name: table for name, table in tables[kind].items() if table} for kind in tables}
    return {kind: named for kind, named in found.items() if named}


def _differences(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in new.items() if key not in old or old[key] != value}


def _changed_node(node: ActiveNode, values: Values, sizes: tuple[str, str], complaints: list[str]) -> ActiveNode:
    own: dict[str, Any] = {key: value for (kind, name, key), value in values.items() if (kind, name) == _of(node)}
    where = f"[plugins.{node.name}]"
    node = _changed_reads(node, {key: own.pop(key) for key in list(own) if key.startswith(READS)}, where, complaints)
    if RESIDUAL in own:
        node = _changed_start(node, own.pop(RESIDUAL), where, complaints)
    options: dict[str, Any] = {key: own.pop(key) for key in FACTORS if key in own}
    for key, value in options.items():
        if isinstance(value, bool | str) or value <= 0:
            complaints.append(f"{where} '{key}' expects a number above 0, got {value!r}")
    table = {**as_table(node.settings), **_resized(node, *sizes), **own}
    settings = read_or_complain(node.spec.settings, table, where, complaints)
    return attrs.evolve(node, settings=settings, **options)


def _of(node: ActiveNode) -> tuple[str, str]:
    return "plugins", node.name


def _resized(node: ActiveNode, old: str, new: str) -> dict[str, Any]:
    """The settings of another scale, without those that are not as the old scale has them."""
    own, scales = as_table(node.settings), node.spec.scales
    defaults = {key: attribute.default for key, attribute in attrs.fields_dict(node.spec.settings).items()}
    free = {key for key, value in scales[old].items() if own.get(key) == value}
    free |= {key for key in scales[new] if key not in scales[old] and own.get(key) == defaults[key]}
    return {key: scales[new].get(key, defaults[key]) for key in sorted(free)} if old != new else {}


def _changed_reads(node: ActiveNode, given: Mapping[str, Any], where: str, complaints: list[str]) -> ActiveNode:
    """The node without the optional fields of which it is said that it does not read them."""
    complaints += [
        f"{where} '{key}' expects true or false, got {value!r}"
        for key, value in given.items()
        if not isinstance(value, bool)
    ]
    without = [key.removeprefix(READS) for key, value in given.items() if value is False]
    if not without:
        return node
    spec: NodeSpec = attrs.evolve(
        node.spec,
        reads=tuple(name for name in node.spec.reads if name not in without),
        optional_reads=tuple(name for name in node.spec.optional_reads if name not in without),
        gives=tuple(output for output in node.spec.gives if not set(without) & set(output.needs)),
    )
    return attrs.evolve(node, spec=spec, ignores=tuple(sorted({*node.ignores, *without})))


def _changed_start(node: ActiveNode, residual: object, where: str, complaints: list[str]) -> ActiveNode:
    """The node that learns from nothing, in place of what the baseline leaves."""
    if not isinstance(residual, bool):
        complaints.append(f"{where} 'residual' expects true or false, got {residual!r}")
    if residual is False:
        return attrs.evolve(node, residual=False, baseline="", residual_fields=())
    if not node.residual:
        complaints.append(f"{where} 'residual' is false in plugins.toml; set it true there to search both")
    return node
