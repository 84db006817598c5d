"""The data set `jsonl`: JSON lines with a column mapping."""

from __future__ import annotations

from collections.abc import Iterator

from redheart_core import DataError, Field, Record
from redheart_core.contract.names import composed
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.jsonlines import read_objects
from redheart_tables.mapping import Row, read_mapping, read_records, required_path
from redheart_tables.settings import JsonlSettings


def fields(settings: JsonlSettings) -> tuple[Field, ...]:
    """The mapped fields."""
    return tuple(one.field for one in read_mapping("jsonl", settings.fields, objects=True))


def records(settings: JsonlSettings) -> Iterator[Record]:
    """The file's records in order."""
    path = required_path("jsonl", settings.path)
    mapped = read_mapping("jsonl", settings.fields, objects=True)

    def rows(bad: BadRows) -> Iterator[tuple[str, Row]]:
        missing = dict.fromkeys(column for one in mapped for column in one.columns)
        if settings.language_column is not None:
            missing[composed(settings.language_column)] = None
        keys: dict[str, None] = {}
        for where, row in read_objects(path, bad.add):
            if not row:
                continue
            keys.update(dict.fromkeys(row))
            missing = {column: None for column in missing if not _find(row, column)[0]}
            yield where, row
        # a key may be left out of single records, so that only the whole file tells
        if missing and keys and not bad.count:
            raise DataError(
                f"{path}: no record has {', '.join(map(repr, sorted(missing)))}, named under [plugins.jsonl] "
                f"(columns: {', '.join(keys)})"
            )

    def look_up(row: Row, column: str) -> object:
        return _find(row, column)[1]

    return read_records(rows, path, settings, mapped, look_up, lambda value, *_: value)


def _find(row: Row, column: str) -> tuple[bool, object]:
    """Whether the row has the column, and what stands there."""
    if column in row:
        return True, row[column]
    value: object = row
    for key in column.split("."):
        if not isinstance(value, dict) or key not in value:
            return False, None
        value = value[key]
    return True, value
