"""Turns a column mapping into fields, and rows into records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from redheart_core import CATALOGUE, DataError, Field, Record
from redheart_core.contract.bad_rows import BadRows
from redheart_core.contract.names import composed
from redheart_core.data.published import read_all
from redheart_tables.settings import Columns, CsvSettings, JsonlSettings

Row = Mapping[str, object]


def mapped_fields(plugin: str, columns: Columns, objects: bool) -> tuple[Field, ...]:
    """The mapped fields in the order of the catalogue, with exactly the mapped labels.

    Args:
        plugin: Names the table in error messages.
        columns: The mapping.
        objects: A column may hold an object from label to number.

    Raises:
        DataError: Nothing is mapped, or a field or label is unknown or mapped in the wrong form.
    """
    table = f"[plugins.{plugin}.fields]"
    columns = {composed(name): column for name, column in columns.items()}
    if not columns:
        raise DataError(
            f'{table} is empty; name the column of at least one field, such as regret = "my_column" '
            f"(fields: {', '.join(sorted(CATALOGUE))})"
        )
    unknown = sorted(set(columns) - set(CATALOGUE))
    if unknown:
        raise DataError(f"{table} has no field {', '.join(unknown)} (fields: {', '.join(sorted(CATALOGUE))})")
    return tuple(
        _mapped_field(field, columns[name], table, objects) for name, field in CATALOGUE.items() if name in columns
    )


def _mapped_field(field: Field, column: str | Mapping[str, str], table: str, objects: bool) -> Field:
    labels = ", ".join(field.labels)
    if not field.labels:
        if not isinstance(column, str):
            raise DataError(f"{table} {field.name} is a single number; give one column instead of {dict(column)}")
        return field
    if isinstance(column, str):
        if not objects:
            raise DataError(
                f"{table} {field.name} has the labels {labels}; give a table from label to column instead of {column!r}"
            )
        return field
    try:
        return field.with_labels(*column)
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


def mapped_columns(columns: Columns) -> list[str]:
    """Every column that the mapping names."""
    return [name for column in columns.values() for name in ((column,) if isinstance(column, str) else column.values())]


def read_records(
    rows: Callable[[BadRows], Iterator[tuple[str, Row]]],
    path: Path,
    settings: JsonlSettings | CsvSettings,
    look_up: Callable[[Row, str], object],
    to_value: Callable[[object, str, str], object],
) -> Iterator[Record]:
    """Turn rows into records.

    Args:
        rows: What collects bad rows to (where, row) in the order of the file, column names in NFC.
        path: The file, for error messages.
        settings: What the columns mean.
        look_up: Row and column to what stands there, None if nothing.
        to_value: What stands there, column and where to the raw value of a field.

    Raises:
        BadRowsError: A row lacks text or id, repeats an id or has another split; all of them.
        DataError: No rows at all.
    """
    id_column, text_column = composed(settings.id), composed(settings.text)
    split_column = None if settings.split is None else composed(settings.split)
    columns = {
        composed(name): composed(column)
        if isinstance(column, str)
        else {composed(label): composed(part) for label, part in column.items()}
        for name, column in settings.fields.items()
    }

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
                    values={
                        name: to_value(look_up(row, column), column, where)
                        if isinstance(column, str)
                        else {label: to_value(look_up(row, part), part, where) for label, part in column.items()}
                        for name, column in columns.items()
                    },
                    where=where,
                    split=None if split_column is None else _split(look_up(row, split_column), split_column, where),
                    language=settings.language,
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


def _lacks(what: str, column: str, value: object, where: str, row: Row) -> str:
    found = "nothing" if value is None else f"{type(value).__name__} {value!r:.60}"
    return f"{where}: expects the {what} in column {column!r}, got {found} (columns: {', '.join(row)})"
