"""Offers the data set `csv`: comma-separated values with a column mapping."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from redheart_core import DataError, DatasetSpec, Field, Record, hookimpl
from redheart_core.storage.jsonlines import read_lines
from redheart_tables.mapping import Row, mapped_columns, mapped_fields, read_records, required_path
from redheart_tables.settings import CsvSettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="csv",
            meaning="your own records from a CSV file, plain or gzipped, with a mapping from columns to fields",
            settings=CsvSettings,
            fields=_fields,
            records=_records,
        )
    ]


def _fields(settings: CsvSettings) -> tuple[Field, ...]:
    return mapped_fields("csv", settings.fields, objects=False)


def _records(settings: CsvSettings) -> Iterator[Record]:
    path = required_path("csv", settings.path)
    _fields(settings)
    yield from read_records(_rows(path, settings), path, settings, lambda row, column: row[column], _number)


def _rows(path: Path, settings: CsvSettings) -> Iterator[tuple[str, Row]]:
    cells = _cells(path, settings.delimiter)
    where, header = next(cells, ("", []))
    if not header:
        raise DataError(f"{path} is empty; its first line has to name the columns")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{where}: names the column {', '.join(map(repr, twice))} more than once")
    needed = [settings.id or None, settings.text, settings.split, *mapped_columns(settings.fields)]
    unknown = [column for column in dict.fromkeys(needed) if column is not None and column not in header]
    if unknown:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, unknown))} (columns, separated by {settings.delimiter!r}: "
            f"{', '.join(map(repr, header))}); set the names, or delimiter, under [plugins.csv]"
            + ('; id = "" makes ids of the line numbers' if settings.id in unknown else "")
        )
    for where, row in cells:
        if len(row) != len(header):
            raise DataError(f"{where}: has {len(row)} cells, the first line names {len(header)} columns")
        yield where, dict(zip(header, row, strict=True))


def _cells(path: Path, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """(where, cells) of every row that is not blank; where names the row's first line."""
    reader = csv.reader((line for _, line in read_lines(path)), delimiter=delimiter, strict=True)
    while True:
        where = f"{path.name} line {reader.line_num + 1}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{where}: broken CSV, {error} (reached line {reader.line_num})") from error
        if row:
            yield where, row


def _number(cell: object, column: str, where: str) -> float | None:
    assert isinstance(cell, str)
    if not cell.strip():
        return None
    try:
        number = float(cell.replace("_", "?"))  # Python alone reads 1_000 as a number
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{where}, column {column!r}: not a number: {cell!r:.60} (leave a missing one empty)")
    return number
