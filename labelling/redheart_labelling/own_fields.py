"""Fields of a user's own, declared in a TOML file: each table is a field."""

from __future__ import annotations

from pathlib import Path

from redheart_core import CATALOGUE, DataError, Field, SettingsError
from redheart_core.contract.names import composed
from redheart_core.data.declared_fields import declared_field, read_declared
from redheart_core.storage.toml_text import parse_toml
from redheart_labelling.schema import KEY

TAKEN = ("id", "text", "split", "labelling")
"""Keys of a record that are no fields."""


def read_own_fields(path: Path) -> tuple[Field, ...]:
    """The fields that a file declares, by name.

    Raises:
        SettingsError: It cannot be read, declares none, or one wrongly; the message names the table.
    """
    try:
        tables = parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"--schema: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"--schema: {path} is no TOML in UTF-8: {error}") from error
    if not tables:
        raise SettingsError(f"--schema: {path} declares no field; write a table for each, such as [blame]")
    found = {}
    for name, table in tables.items():
        try:
            found[composed(name)] = _field(composed(name), table, f"{path}: [{name}]")
        except DataError as error:
            raise SettingsError(f"--schema: {error}") from error
    return tuple(found[name] for name in sorted(found))


def _field(name: str, table: object, where: str) -> Field:
    if not isinstance(table, dict):
        raise DataError(f"{where} has to be a table with kind, labels, low, high, unit and meaning, got {table!r:.60}")
    if name in CATALOGUE:
        raise DataError(f"{where}: redheart knows the field '{name}'; name it under --schema, or name yours otherwise")
    if name in TAKEN or not KEY.fullmatch(name):
        raise DataError(
            f"{where}: a field that a language model answers is called by 1 to 64 of A-Z, a-z, 0-9 and _, and not "
            f"{', '.join(TAKEN)}; its meaning may be in any language"
        )
    given = read_declared(table, where)
    if given.meaning is None:
        raise DataError(f"{where} has no meaning; say what it is, since the language model knows nothing else of it")
    field = declared_field(name, given, where, 'give labels = ["first", "second"]')
    if field.counts:
        raise DataError(f"{where}: votes are counts of many readers, and one cannot state them; take a distribution")
    return field


def declaration(field: Field) -> dict[str, object]:
    """A field as a table of plugins.toml that says where its numbers stand, and all that is declared of it."""
    kind = "distribution" if field.simplex else "labels" if field.binary else "values"
    table: dict[str, object] = {"column": field.name, "kind": kind, "unit": field.unit, "meaning": field.meaning}
    if field.labels:
        table["labels"] = list(field.labels)
    if kind == "values":
        table |= {"low": field.low, "high": field.high}
    return table
