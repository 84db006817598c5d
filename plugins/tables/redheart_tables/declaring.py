"""Fields of a user's own: a table under [plugins.csv.fields.NAME] as a field, and where its numbers stand."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from redheart_core import CATALOGUE, DataError, Field
from redheart_core.contract.names import composed
from redheart_core.data.declared_fields import KEYS, Declared, check_types, declared_field, read_declared
from redheart_core.nn.answers import kind_of
from redheart_tables.settings import Entry

WHERE = ("column", "columns")
"""Keys that say where a field's numbers stand; a table with one of them declares, others map labels to columns."""


def is_declaration(entry: Entry) -> bool:
    """Whether an entry is more than a column, or a table from label to column."""
    return not isinstance(entry, str) and any(key in entry for key in WHERE)


def mapped_field(name: str, table: Mapping[str, object], where: str) -> Field:
    """The field that a table declares.

    Args:
        name: Of the field, which is none of the catalogue.
        table: It, with one of WHERE.
        where: Names the table in error messages.

    Raises:
        DataError: A key is unknown, missing or wrong; the message says how to write it.
    """
    place, given = _read(table, where)
    if not isinstance(place, str):
        mapped = tuple(map(composed, place))
        if given.labels is not None and set(given.labels) != set(mapped):
            raise DataError(
                f"{where}: labels are {', '.join(given.labels)}, columns has {', '.join(mapped)}; "
                "they have to be the same"
            )
        given = attrs.evolve(given, labels=given.labels or mapped)
    return declared_field(name, given, where, 'give columns = { label = "column", ... }')


def same_as_shipped(name: str, table: Mapping[str, object], where: str) -> Mapping[str, str] | str:
    """Where the numbers of a field of the catalogue stand, by a table that does not change the field.

    Raises:
        DataError: The table declares the field otherwise.
    """
    field, (place, given) = CATALOGUE[name], _read(table, where)
    shipped = Declared(
        kind=kind_of(field), labels=field.labels, low=field.low, high=field.high, unit=field.unit, meaning=field.meaning
    )
    for key in KEYS:
        mine, theirs = getattr(given, key), getattr(shipped, key)
        if mine is not None and mine != theirs:
            raise DataError(
                f"{where}: '{name}' is a field that redheart knows, with {key} = {theirs!r} instead of {mine!r}; "
                f"leave {key} out, or name your own field otherwise"
            )
    return place


def _read(table: Mapping[str, object], where: str) -> tuple[Mapping[str, str] | str, Declared]:
    """Where the numbers stand, and what is said of the field.

    Raises:
        DataError: A key is not of its type, or is unknown; or it names columns in two ways.
    """
    unknown = sorted(set(table) - {*WHERE, *KEYS})
    if unknown:
        raise DataError(f"{where} has no key '{unknown[0]}' (keys: {', '.join((*WHERE, *KEYS))})")
    places = {key: table[key] for key in WHERE if key in table}
    check_types(places, where, {"columns": (Mapping, 'a table from label to column, such as { anger = "col_1" }')})
    given = read_declared({key: value for key, value in table.items() if key not in WHERE}, where)
    if len(places) > 1:
        raise DataError(f"{where}: give column or columns, not both")
    (place,) = places.values()
    return place, given  # type: ignore[return-value] # checked above
