"""What a search may change of a group: ranges and choices for its own settings and those of its plugins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import attrs

from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import SettingsError, join_complaints
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group
from redheart_core.storage.settings import as_table, describe_settings, read_or_complain, setting_names

if TYPE_CHECKING:
    import optuna

Value = bool | int | float | str
Kind = Literal["groups", "plugins"]
NODE_OPTIONS = ("learning_rate_scale", "loss_weight")
"""Settings that every plugin has beside its own."""


@attrs.frozen
class Range:
    """Where a setting may lie: between low and high, or one of choices."""

    low: int | float | None = None
    """Two integers make an integer."""
    high: int | float | None = None
    log: bool = False
    """Search the logarithm, low > 0."""
    choices: tuple[Value, ...] = ()

    def complaint(self) -> str:
        """What is wrong, or nothing."""
        bounds = (self.low, self.high)
        if self.choices:
            return "needs either choices or low and high" if bounds != (None, None) or self.log else ""
        if self.low is None or self.high is None:
            return "needs low and high, or choices"
        if not self.low < self.high or (self.log and self.low <= 0):
            return f"needs low < high, and low > 0 with log; got {self.low} and {self.high}"
        return ""

    def suggest(self, trial: optuna.Trial, name: str) -> Value:
        """A value for a trial."""
        if self.choices:
            return cast(Value, trial.suggest_categorical(name, self.choices))
        assert self.low is not None
        assert self.high is not None
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def ends(self) -> tuple[Value, ...]:
        """Values that have to be allowed if all are."""
        if self.choices:
            return self.choices
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


Space = Mapping[tuple[Kind, str, str], Range]
"""("groups", group, key) or ("plugins", plugin, key) to its range."""


def default_space(group: Group) -> Space:
    """Learning rate, weight decay, and every dropout of its plugins, from 0 to 0.5 or to what it is."""
    space: dict[tuple[Kind, str, str], Range] = {
        ("groups", group.name, "learning_rate"): Range(1e-4, 1e-2, log=True),
        ("groups", group.name, "weight_decay"): Range(1e-4, 1e-1, log=True),
    }
    for node in group.nodes:
        for row in describe_settings(node.spec.settings):
            if "dropout" in row["key"] and row["type"] == "a finite number":
                own = as_table(node.settings)[row["key"]]
                space["plugins", node.name, row["key"]] = Range(0.0, max(0.5, own))
    return space


def read_space(document: Mapping[str, Any], where: str, group: Group) -> Space:
    """A space out of tables [groups.NAME.key] and [plugins.NAME.key] with low, high, log or choices.

    Raises:
        SettingsError: Everything that is wrong with it: other tables, settings that the group has not, ranges that
            are none, and ends that a setting does not allow.
    """
    known = {
        "groups": {group.name: set(setting_names(GroupSettings))},
        "plugins": {node.name: {*setting_names(node.spec.settings), *NODE_OPTIONS} for node in group.nodes},
    }
    complaints = [f"it has no table '{key}' (known: groups, plugins)" for key in sorted(document.keys() - known)]
    space: dict[tuple[Kind, str, str], Range] = {}
    for kind in ("groups", "plugins"):
        for name, keys in _tables(document.get(kind, {}), kind, complaints).items():
            if name not in known[kind]:
                allowed = ", ".join(sorted(known[kind]))
                complaints.append(f"[{kind}.{name}]: not of group '{group.name}' (known: {allowed})")
                continue
            for key, table in _tables(keys, f"{kind}.{name}", complaints).items():
                place = f"[{kind}.{name}.{key}]"
                if key not in known[kind][name]:
                    complaints.append(f"{place}: no such setting (known: {', '.join(sorted(known[kind][name]))})")
                elif found := read_or_complain(Range, table, place, complaints):
                    if complaint := found.complaint():
                        complaints.append(f"{place} {complaint}")
                    space[kind, name, key] = found
    if not complaints:
        if not space:
            complaints.append("it names no setting; give tables such as [groups.my_group.learning_rate]")
        complaints += [
            text for place, found in space.items() for end in found.ends() if (text := _try(group, place, end))
        ]
    if complaints:
        raise SettingsError(join_complaints(f"{where} is no search space:", complaints))
    return space


def space_document(space: Space) -> dict[str, Any]:
    """What read_space reads back as equal."""
    document: dict[str, Any] = {}
    for (kind, name, key), found in space.items():
        document.setdefault(kind, {}).setdefault(name, {})[key] = as_table(found)
    return document


def changed(group: Group, values: Mapping[tuple[Kind, str, str], Value]) -> Group:
    """The group with other settings.

    Raises:
        SettingsError: A value is not allowed.
    """
    complaints: list[str] = []
    own = {key: value for (kind, _, key), value in values.items() if kind == "groups"}
    where = f"[groups.{group.name}]"
    settings = read_or_complain(GroupSettings, {**as_table(group.settings), **own}, where, complaints)
    nodes = tuple(_changed_node(node, values, complaints) for node in group.nodes)
    if complaints or settings is None:
        raise SettingsError(join_complaints("the settings cannot be used:", complaints))
    return attrs.evolve(group, settings=settings, nodes=nodes)


def _changed_node(node: ActiveNode, values: Mapping[tuple[Kind, str, str], Value], complaints: list[str]) -> ActiveNode:
    own = {key: value for (kind, name, key), value in values.items() if kind == "plugins" and name == node.name}
    options: dict[str, Any] = {key: own.pop(key) for key in NODE_OPTIONS if key in own}
    for key, value in options.items():
        if isinstance(value, bool | str) or value <= 0:
            complaints.append(f"[plugins.{node.name}] '{key}' expects a number above 0, got {value!r}")
    table = {**as_table(node.settings), **own}
    settings = read_or_complain(node.spec.settings, table, f"[plugins.{node.name}]", complaints)
    return attrs.evolve(node, settings=settings, **options)


def _try(group: Group, place: tuple[Kind, str, str], value: Value) -> str:
    """Why a setting cannot have a value, or nothing."""
    try:
        changed(group, {place: value})
    except SettingsError as error:
        return str(error).splitlines()[-1].strip("- ")
    return ""


def _tables(value: object, where: str, complaints: list[str]) -> dict[str, Mapping[str, Any]]:
    if not isinstance(value, Mapping):
        complaints.append(f"[{where}] expects tables, got {value!r:.80}")
        return {}
    for key, table in value.items():
        if not isinstance(table, Mapping):
            complaints.append(f"[{where}.{key}] expects a table with low and high, or choices; got {table!r:.80}")
    return {key: table for key, table in value.items() if isinstance(table, Mapping)}
