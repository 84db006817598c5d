"""What a search may change of a group: ranges and choices for its own settings and those of its plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import attrs

from redheart_core.contract.errors import SettingsError, join_complaints
from redheart_core.groups.group import Group
from redheart_core.storage.settings import as_table, read_or_complain
from redheart_core.tuning.changes import Place, Value, changed, dropouts, group_keys, node_keys

if TYPE_CHECKING:
    import optuna


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

    def distribution(self, library: ModuleType) -> Any:
        """What Optuna draws from in suggest."""
        kinds = library.distributions
        if self.choices:
            return kinds.CategoricalDistribution(self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return kinds.IntDistribution(self.low, self.high, log=self.log)
        return kinds.FloatDistribution(self.low, self.high, log=self.log)

    def holds(self, value: object) -> bool:
        """Whether a value lies in it."""
        if self.choices:
            return any(type(choice) is type(value) and choice == value for choice in self.choices)
        assert self.low is not None
        assert self.high is not None
        kinds = int if isinstance(self.low, int) and isinstance(self.high, int) else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def ends(self) -> tuple[Value, ...]:
        """Values that have to be allowed if all are."""
        if self.choices:
            return self.choices
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


Space = Mapping[Place, Range]


def default_space(group: Group) -> Space:
    """Learning rate, weight decay, and every dropout of its plugins, from 0 to 0.5 or to what it is."""
    space: dict[Place, Range] = {
        ("groups", group.name, "learning_rate"): Range(1e-4, 1e-2, log=True),
        ("groups", group.name, "weight_decay"): Range(1e-4, 1e-1, log=True),
    }
    for node in group.nodes:
        for key in dropouts(node):
            space["plugins", node.name, key] = Range(0.0, max(0.5, as_table(node.settings)[key]))
    return space


def read_space(document: Mapping[str, Any], where: str, group: Group, scale: str) -> Space:
    """The space of one group, as read_spaces."""
    return read_spaces(document, where, (group,), scale)[group.name]


def read_spaces(
    document: Mapping[str, Any], where: str, groups: Sequence[Group], scale: str
) -> dict[str, dict[Place, Range]]:
    """Spaces out of tables [groups.NAME.key] and [plugins.NAME.key] with low, high, log or choices.

    Args:
        document: Of all groups.
        where: Names it in messages.
        groups: Those that may be searched.
        scale: Of the training.

    Returns:
        By the names of the groups of which something may change.

    Raises:
        SettingsError: Everything that is wrong with it: other tables, settings that the groups have not, ranges that
            are none, and ends that a setting does not allow.
    """
    owners: dict[str, dict[str, Group]] = {
        "groups": {group.name: group for group in groups},
        "plugins": {node.name: group for group in groups for node in group.nodes},
    }
    keys_of = {
        "groups": {group.name: group_keys() for group in groups},
        "plugins": {node.name: node_keys(node) for group in groups for node in group.nodes},
    }
    complaints = [f"it has no table '{key}' (known: groups, plugins)" for key in sorted(document.keys() - owners)]
    spaces: dict[str, dict[Place, Range]] = {}
    of = f"group '{groups[0].name}'" if len(groups) == 1 else "the groups that descend"
    for kind in ("groups", "plugins"):
        for name, keys in _tables(document.get(kind, {}), kind, complaints).items():
            if name not in owners[kind]:
                complaints.append(f"[{kind}.{name}]: not of {of} (known: {', '.join(sorted(owners[kind]))})")
                continue
            for key, table in _tables(keys, f"{kind}.{name}", complaints).items():
                place, known = f"[{kind}.{name}.{key}]", keys_of[kind][name]
                if key not in known:
                    complaints.append(f"{place}: no such setting (known: {', '.join(sorted(known))})")
                elif found := read_or_complain(Range, table, place, complaints):
                    if complaint := found.complaint():
                        complaints.append(f"{place} {complaint}")
                    spaces.setdefault(owners[kind][name].name, {})[kind, name, key] = found
    if not complaints:
        if not spaces:
            complaints.append("it names no setting; give tables such as [groups.my_group.learning_rate]")
        by_name = owners["groups"]
        complaints += [
            text
            for name, space in spaces.items()
            for place, found in space.items()
            for end in found.ends()
            if (text := _try(by_name[name], place, end, scale))
        ]
    if complaints:
        raise SettingsError(join_complaints(f"{where} is no search space:", complaints))
    return spaces


def space_document(space: Space) -> dict[str, Any]:
    """What read_space reads back as equal."""
    document: dict[str, Any] = {}
    for (kind, name, key), found in space.items():
        document.setdefault(kind, {}).setdefault(name, {})[key] = as_table(found)
    return document


def _try(group: Group, place: Place, value: Value, scale: str) -> str:
    """Why a setting cannot have a value, or nothing."""
    try:
        changed(group, {place: value}, scale)
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
