"""Paths and parts of a decomposition by name: which part each path belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redheart_core import CATALOGUE, PluginError

PATHS = CATALOGUE["causal_paths"].labels
"""R123, R12, R13, R23, U1, U2, U3, S12+S13+S23, S123, leak: the order inside of this plugin."""
PARTS = ("redundant", "unique", "synergistic", "leak")
"""The order inside of this plugin."""


def part_of(path: str) -> str:
    """The part that a path is a share of."""
    return "leak" if path == "leak" else {"R": "redundant", "U": "unique", "S": "synergistic"}[path[0]]


MEMBERS = tuple(tuple(place for place, path in enumerate(PATHS) if part_of(path) == part) for part in PARTS)
"""Places of the paths of each part."""
PART_OF_PATH = tuple(PARTS.index(part_of(path)) for path in PATHS)
"""Place of each path's part."""


def places(names: Sequence[str], known: Sequence[str], field: str) -> tuple[int, ...]:
    """Where the labels of a field stand in this plugin's own order.

    Raises:
        PluginError: The field has other labels.
    """
    if sorted(names) != sorted(known):
        raise PluginError(
            f"it knows '{field}' as {', '.join(known)}; the data set's field has "
            f"{', '.join(names)}: take the field of redheart's catalogue, or leave it out with --disable"
        )
    return tuple(known.index(name) for name in names)


def ten_shares(terms: Mapping[str, float]) -> tuple[float, ...]:
    """Shares of the single terms of a decomposition of three sources, with the leak, as the ten paths."""
    return tuple(sum(terms[name] for name in path.split("+")) for path in PATHS)
