"""Turns a column mapping into fields, and rows into records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs

from redheart_core import CATALOGUE, DataError, Field, Record
from redheart_core.contract.names import composed
from redheart_core.data.published import read_all
from redheart_core.storage.bad_rows import BadRows
from redheart_tables.declaring import is_declaration, mapped_field, same_as_shipped
from redheart_tables.naming import is_named, of_names
from redheart_tables.settings import Columns, CsvSettings, Entry, JsonlSettings

Row = Mapping[str, object]


@attrs.frozen
class Mapped:
    """A field and where its numbers stand."""

    field: Field
    place: str | Mapping[str, str]
    """A column, or label to column; in NFC."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        return (self.place,) if isinstance(self.place, str) else tuple(self.place.values())


def read_mapping(plugin: str, entries: Columns, objects: bool) -> tuple[Mapped, ...]:
    """The mapped fields in the order of the catalogue, with exactly the mapped labels; then the user's own by name.

    Args:
        plugin: Names the table in error messages.
        entries: The [plugins.<plugin>.fields] table.
        objects: A column may hold an object from label to number; else one of a field with labels holds their names,
            if is_named.

    Raises:
        DataError: Nothing is mapped; a field of the catalogue is mapped in the wrong form, has unknown labels or is
            declared otherwise; another field is not declared, or wrongly.
    """
    table = f"[plugins.{plugin}.fields]"
    entries = {composed(name): entry for name, entry in entries.items()}
    if not entries:
        raise DataError(
            f'{table} is empty; name the column of at least one field, such as regret = "my_column" '
            f"(fields: {', '.join(sorted(CATALOGUE))}), or declare one of your own"
        )
    names = [name for name in CATALOGUE if name in entries] + sorted(entries.keys() - CATALOGUE.keys())
    return tuple(_mapped(name, entries[name], table, objects) for name in names)


def _mapped(name: str, entry: Entry, table: str, objects: bool) -> Mapped:
    if name in CATALOGUE:
        if not isinstance(entry, str) and is_declaration(entry):
            entry = same_as_shipped(name, entry, f"{table[:-1]}.{name}]")
        return Mapped(_shipped_field(CATALOGUE[name], entry, table, objects), _in_nfc(entry, f"{table} {name}"))
    where = f"{table[:-1]}.{name}]"
    if isinstance(entry, str) or not is_declaration(entry):
        raise DataError(
            f"{table} has no field {name} (fields: {', '.join(sorted(CATALOGUE))}); to declare it, write a table "
            f'{where} with column = "..." or columns = {{ label = "..." }}, kind, and low and high or labels'
        )
    field = mapped_field(name, entry, where)
    place = entry.get("column", entry.get("columns"))
    if isinstance(place, str) and field.labels and not objects and not is_named(field):
        raise DataError(
            f"{where}: it has the labels {', '.join(field.labels)}, and a cell holds one number; give columns = "
            '{ label = "column", ... } instead of column'
        )
    return Mapped(field, _in_nfc(place, where))


def _in_nfc(place: object, where: str) -> str | Mapping[str, str]:
    if isinstance(place, str):
        return composed(place)
    assert isinstance(place, Mapping)
    wrong = [f"{label} = {column!r:.60}" for label, column in place.items() if not isinstance(column, str)]
    if wrong:
        raise DataError(f"{where}: expects the name of a column for each label, got {', '.join(wrong)}")
    return {composed(label): composed(column) for label, column in place.items()}


def _shipped_field(field: Field, place: object, table: str, objects: bool) -> Field:
    labels = ", ".join(field.labels)
    if not field.labels:
        if not isinstance(place, str):
            raise DataError(f"{table} {field.name} is a single number; give one column instead of {place}")
        return field
    if isinstance(place, str):
        if not objects and not is_named(field):
            raise DataError(
                f"{table} {field.name} has the labels {labels}; give a table from label to column instead of {place!r}"
            )
        return field
    assert isinstance(place, Mapping)
    try:
        return field.with_labels(*place)
    except DataError as error:
        raise DataError(f"{table} {error}") from error


def required_path(plugin: str, path: Path | None) -> Path:
    """The path, or an error that says how to give it."""
    if path is None:
        raise DataError(
            f"data set '{plugin}' needs a file: write path = \"...\" under [plugins.{plugin}], "
            f"or give --set {plugin}.path=..."
        )
    return path


def read_records(
    rows: Callable[[BadRows], Iterator[tuple[str, Row]]],
    path: Path,
    settings: JsonlSettings | CsvSettings,
    mapped: Sequence[Mapped],
    look_up: Callable[[Row, str], object],
    to_value: Callable[[object, str, str], object],
) -> Iterator[Record]:
    """Turn rows into records.

    Args:
        rows: What collects bad rows to (where, row) in the order of the file, column names in NFC.
        path: The file, for error messages.
        settings: What the columns mean.
        mapped: The fields and where they stand.
        look_up: Row and column to what stands there, None if nothing.
        to_value: What stands there, column and where to the raw value of a field.

    Raises:
        BadRowsError: A row lacks text or id, repeats an id or has another split; all of them.
        DataError: No rows at all.
    """
    id_column, text_column = composed(settings.id), composed(settings.text)
    split_column = None if settings.split is None else composed(settings.split)
    language_column = None if settings.language_column is None else composed(settings.language_column)

    def value(one: Mapped, row: Row, where: str) -> object:
        if not isinstance(one.place, str):
            return {label: to_value(look_up(row, part), part, where) for label, part in one.place.items()}
        found = look_up(row, one.place)
        if is_named(one.field) and isinstance(found, str | list):
            return of_names(one.field, found, f"{where}, column {one.place!r}")
        return to_value(found, one.place, where)

    def records(bad: BadRows) -> Iterator[Record]:
        empty = True
        for where, row in rows(bad):
            empty = False
            with bad.row():
                text = look_up(row, text_column)
                id_ = where.replace(" line ", ":")
                if id_column:
                    id_ = _id(look_up(row, id_column), id_column, where, row)
                if not isinstance(text, str) or not text.strip():
                    raise DataError(_lacks("text", text_column, text, where, row))
                yield Record(
                    id=id_,
                    text=text,
                    values={one.field.name: value(one, row, where) for one in mapped},
                    where=where,
                    split=None if split_column is None else _split(look_up(row, split_column), split_column, where),
                    language=settings.language
                    if language_column is None
                    else _language(look_up(row, language_column), language_column, where) or settings.language,
                )
        if empty and not bad.count:
            raise DataError(f"{path} holds no records")

    return read_all(records)


def _id(value: object, column: str, where: str, row: Row) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    raise DataError(_lacks("id", column, value, where, row) + '; id = "" makes ids of the line numbers')


def _split(value: object, column: str, where: str) -> Literal["train", "test"]:
    if value == "train":
        return "train"
    if value == "test":
        return "test"
    raise DataError(f"{where}: column {column!r} expects 'train' or 'test', got {value!r:.60}")


def _language(value: object, column: str, where: str) -> str | None:
    """The code that stands there; None of an empty cell and where nothing is."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value.strip() or None
    raise DataError(f"{where}: column {column!r} expects the code of a language, such as en or ko, got {value!r:.60}")


def _lacks(what: str, column: str, value: object, where: str, row: Row) -> str:
    found = "nothing" if value is None else f"{type(value).__name__} {value!r:.60}"
    return f"{where}: expects the {what} in column {column!r}, got {found} (columns: {', '.join(row)})"
