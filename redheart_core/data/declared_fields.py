"""Fields of a user's own: a table that says kind, labels or range, unit and meaning, as a field."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import get_args

import attrs

from redheart_core.contract.errors import DataError
from redheart_core.contract.fields import Field
from redheart_core.contract.names import composed
from redheart_core.data.field_names import check_field_name
from redheart_core.nn.answers import Kind

KEYS = ("kind", "labels", "low", "high", "unit", "meaning")
KINDS: tuple[Kind, ...] = get_args(Kind)
EXPECTED: dict[str, tuple[type | tuple[type, ...], str]] = {
    "labels": ((list, tuple), 'a list of names, such as ["anger", "fear"]'),
    "low": ((float, int), "a number"),
    "high": ((float, int), "a number"),
}
"""What a key expects, and what a message calls it; the others expect text."""


@attrs.frozen
class Declared:
    """What a table says of a field, its keys checked one by one."""

    kind: Kind | None = None
    labels: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    meaning: str | None = None


def check_types(
    table: Mapping[str, object], where: str, expected: Mapping[str, tuple[type | tuple[type, ...], str]]
) -> None:
    """Every key has what it expects, text if nothing is said of it.

    Raises:
        DataError: One has not.
    """
    for key, value in table.items():
        cls, words = expected.get(key, (str, "text"))
        if not isinstance(value, cls) or isinstance(value, bool):
            raise DataError(f"{where}: {key} expects {words}, got {value!r:.60}")


def read_declared(table: Mapping[str, object], where: str) -> Declared:
    """The keys of a table, of the types that they have to be.

    Args:
        table: It, with KEYS alone.
        where: Names it in messages, such as "[plugins.csv.fields.mood]".

    Raises:
        DataError: A key is unknown, or not of its type.
    """
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise DataError(f"{where} has no key '{unknown[0]}' (keys: {', '.join(KEYS)})")
    check_types(table, where, EXPECTED)
    if table.get("kind", KINDS[0]) not in KINDS:
        raise DataError(f"{where}: kind expects one of {', '.join(KINDS)}, got {table['kind']!r}")
    labels = table.get("labels")
    if isinstance(labels, Sequence):
        wrong = [label for label in labels if not isinstance(label, str)]
        if wrong:
            raise DataError(f"{where}: labels expects names, got {wrong[0]!r:.60}")
        table = {**table, "labels": tuple(map(composed, labels))}
    return Declared(**table)  # type: ignore[arg-type] # checked above


def declared_field(name: str, given: Declared, where: str, label_with: str) -> Field:
    """The field that is declared.

    Args:
        name: Of the field, which is none of the catalogue.
        given: What is said of it.
        where: Names its table in messages.
        label_with: How labels are given, for the message that some are missing.

    Raises:
        DataError: It does not fit together; the message says how to write it.
    """
    check_field_name(name, where)
    kind: Kind = given.kind or "values"
    labels = given.labels or ()
    if len(set(labels)) != len(labels) or not all(label.strip() for label in labels):
        raise DataError(f"{where}: labels have to be different names, got {', '.join(labels)}")
    least = {"values": 0, "labels": 1}.get(kind, 2)
    if given.labels is not None:
        least = max(least, 1)
    if len(labels) < least:
        raise DataError(f'{where}: kind = "{kind}" needs at least {least} labels, got {len(labels)}; {label_with}')
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
