"""Fields of a user's own: a table under [plugins.csv.fields.NAME] as a field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

import attrs

from redheart_core import CATALOGUE, DataError, Field
from redheart_core.contract.names import composed
from redheart_core.data.field_names import check_field_name
from redheart_core.nn.answers import Kind, kind_of
from redheart_tables.settings import Entry

WHERE = ("column", "columns")
"""Keys that say where a field's numbers stand; a table with one of them declares, others map labels to columns."""
KEYS = (*WHERE, "kind", "labels", "low", "high", "unit", "meaning")
KINDS: tuple[Kind, ...] = get_args(Kind)


@attrs.frozen
class Declared:
    """A table under [plugins.csv.fields.NAME], its keys checked one by one."""

    column: str | None = None
    columns: Mapping[str, str] | None = None
    kind: Kind | None = None
    labels: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    meaning: str | None = None


def is_declaration(entry: Entry) -> bool:
    """Whether an entry is more than a column, or a table from label to column."""
    return not isinstance(entry, str) and any(key in entry for key in WHERE)


def declared_field(name: str, table: Mapping[str, object], where: str) -> Field:
    """The field that a table declares.

    Args:
        name: Of the field, which is none of the catalogue.
        table: It.
        where: Names the table in error messages.

    Raises:
        DataError: A key is unknown, missing or wrong; the message says how to write it.
    """
    check_field_name(name, where)
    given = read_declaration(table, where)
    kind: Kind = given.kind or "values"
    labels = _labels(given, kind, where)
    low, high = _range(given, kind, where)
    return Field(
        name,
        given.meaning or f"{name}, as the data set declares it",
        low,
        high,
        given.unit or ("votes" if kind == "votes" else "1"),
        labels,
        simplex=kind == "distribution",
        binary=kind == "labels",
        counts=kind == "votes",
    )


def same_as_shipped(name: str, table: Mapping[str, object], where: str) -> Mapping[str, str] | str:
    """Where the numbers of a field of the catalogue stand, by a table that does not change the field.

    Raises:
        DataError: The table declares the field otherwise.
    """
    field, given = CATALOGUE[name], read_declaration(table, where)
    shipped = Declared(
        kind=kind_of(field), labels=field.labels, low=field.low, high=field.high, unit=field.unit, meaning=field.meaning
    )
    for key in KEYS[len(WHERE) :]:
        mine, theirs = getattr(given, key), getattr(shipped, key)
        if mine is not None and mine != theirs:
            raise DataError(
                f"{where}: '{name}' is a field that redheart knows, with {key} = {theirs!r} instead of {mine!r}; "
                f"leave {key} out, or name your own field otherwise"
            )
    return _place(given)


def read_declaration(table: Mapping[str, object], where: str) -> Declared:
    """The table's keys, of the types that they have to be.

    Raises:
        DataError: One is not, or is unknown; or it names no column, or columns in two ways.
    """
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise DataError(f"{where} has no key '{unknown[0]}' (keys: {', '.join(KEYS)})")
    expected = {
        "columns": (Mapping, 'a table from label to column, such as { anger = "col_1" }'),
        "labels": (tuple, 'a list of names, such as ["anger", "fear"]'),
        "low": (float | int, "a number"),
        "high": (float | int, "a number"),
    }
    for key, value in table.items():
        cls, words = expected.get(key, (str, "text"))
        if not isinstance(value, cls):
            raise DataError(f"{where}: {key} expects {words}, got {value!r:.60}")
    if "column" in table and "columns" in table:
        raise DataError(f"{where}: give column or columns, not both")
    if table.get("kind", KINDS[0]) not in KINDS:
        raise DataError(f"{where}: kind expects one of {', '.join(KINDS)}, got {table['kind']!r}")
    return Declared(**table)  # type: ignore[arg-type] # checked above


def _place(given: Declared) -> Mapping[str, str] | str:
    place = given.columns if given.column is None else given.column
    assert place is not None  # is_declaration has seen one of them
    return place


def _labels(given: Declared, kind: Kind, where: str) -> tuple[str, ...]:
    """The field's labels in order: as listed, or as the columns are."""
    mapped = tuple(map(composed, given.columns)) if given.columns is not None else None
    labels = tuple(map(composed, given.labels)) if given.labels is not None else mapped or ()
    least = {"values": 0, "labels": 1}.get(kind, 2)
    if mapped is not None and set(mapped) != set(labels):
        raise DataError(
            f"{where}: labels are {', '.join(labels)}, columns has {', '.join(mapped)}; they have to be the same"
        )
    if len(set(labels)) != len(labels) or not all(label.strip() for label in labels):
        raise DataError(f"{where}: labels have to be different names, got {', '.join(labels)}")
    if len(labels) < least or (not labels and given.column is None):
        raise DataError(
            f'{where}: kind = "{kind}" needs at least {max(least, 1)} labels, got {len(labels)}; '
            'give columns = { label = "column", ... }'
        )
    return labels


def _range(given: Declared, kind: Kind, where: str) -> tuple[float, float]:
    if kind != "values":
        if given.low is not None or given.high is not None:
            raise DataError(f'{where}: low and high belong to kind = "values"; leave them out')
        return 0.0, 1e9 if kind == "votes" else 1.0
    low, high = given.low, given.high
    if low is None or high is None:
        absent = "low" if low is None else "high"
        raise DataError(f"{where} has no {absent}; give the range of its values, low and high")
    if not (math.isfinite(high - low) and low < high):
        raise DataError(f"{where}: low has to be below high, got low = {low:g}, high = {high:g}")
    return float(low), float(high)
