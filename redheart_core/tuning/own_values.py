"""Where a group's own settings lie in a search space, and candidates that keep some of them."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.random import Generator

from redheart_core.config.tables import TrainSettings
from redheart_core.groups.group import Group
from redheart_core.storage.settings import as_table
from redheart_core.tuning.changes import (
    DROPOUT,
    DROPOUT_FACTOR,
    FACTORS,
    READS,
    RESIDUAL,
    SCALE,
    Place,
    Value,
    dropouts,
)
from redheart_core.tuning.search_space import Space


def own_values(group: Group, settings: TrainSettings, space: Space) -> dict[str, Value]:
    """The group's own settings by "kind.name.key" of a space, without those that do not lie in it.

    Args:
        group: As it is.
        settings: Of its training.
        space: Of its search.
    """
    found = {place: _own_value(group, settings, place) for place in space}
    return {".".join(place): value for place, value in found.items() if value is not None and space[place].holds(value)}


def kept_values(own: Mapping[str, Value], space: Space, generator: Generator) -> dict[str, Value]:
    """Each of the own settings with probability 1/2, one of the space at least left out; the others are to be drawn."""
    kept = {name: value for name, value in own.items() if generator.random() < 0.5}
    if kept and len(kept) == len(space):
        del kept[sorted(kept)[generator.integers(len(kept))]]
    return kept


def _own_value(group: Group, settings: TrainSettings, place: Place) -> Value | None:
    kind, name, key = place
    if kind == "plugins":
        node = next(one for one in group.nodes if one.name == name)
        if key.startswith(READS):
            return key.removeprefix(READS) in node.spec.optional_reads
        value = getattr(node, key) if key in (*FACTORS, RESIDUAL) else as_table(node.settings).get(key)
    elif key == SCALE:
        value = settings.scale
    elif key == DROPOUT_FACTOR:
        value = 1.0
    elif key == DROPOUT:
        shares = {as_table(node.settings)[one] for node in group.nodes for one in dropouts(node)}
        value = shares.pop() if len(shares) == 1 else None
    elif key == RESIDUAL:
        starts = {node.residual for node in group.nodes if node.residual_fields}
        value = starts.pop() if len(starts) == 1 else None
    else:
        value = as_table(settings).get(key, as_table(group.settings).get(key))
    return value if isinstance(value, bool | int | float | str) else None
