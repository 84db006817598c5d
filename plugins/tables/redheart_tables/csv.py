"""The data set `csv`: comma-separated values with a column mapping."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from redheart_core import DataError, Field, Record
from redheart_core.contract.names import composed
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.csv_rows import read_named_cells
from redheart_tables.mapping import Mapped, Row, read_mapping, read_records, required_path
from redheart_tables.settings import CsvSettings

_YES_OR_NO = ("yes", "no", "true", "false", "y", "n", "x")
"""What tables hold in place of 1 and 0."""


def fields(settings: CsvSettings) -> tuple[Field, ...]:
    """The mapped fields."""
    return tuple(one.field for one in read_mapping("csv", settings.fields, objects=False))


def records(settings: CsvSettings) -> Iterator[Record]:
    """The file's records in order."""
    path = required_path("csv", settings.path)
    mapped = read_mapping("csv", settings.fields, objects=False)
    return read_records(
        lambda bad: _rows(path, settings, mapped, bad),
        path,
        settings,
        mapped,
        lambda row, column: row[column],
        to_value=_number,
    )


def _rows(path: Path, settings: CsvSettings, mapped: Sequence[Mapped], bad: BadRows) -> Iterator[tuple[str, Row]]:
    """(where, row) with the columns that have a name; a row and a column without any cell are passed over."""
    where, header, cells = read_named_cells(path, settings.delimiter, bad.add)
    if not header:
        raise DataError(f"{path} is empty; its first line has to name the columns")
    names = [composed(name) for name in header]
    named = [name for name in names if name.strip()]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise DataError(f"{where}: names the column {', '.join(map(repr, twice))} more than once")
    own = (settings.id or None, settings.text, settings.split, settings.language_column)
    needed = [*own, *(column for one in mapped for column in one.columns)]
    unknown = [column for column in dict.fromkeys(needed) if column is not None and composed(column) not in named]
    if unknown:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, unknown))} (columns, separated by {settings.delimiter!r}: "
            f"{', '.join(map(repr, named))}); set the names, or delimiter, under [plugins.csv]"
            + ('; id = "" makes ids of the line numbers' if settings.id in unknown else "")
        )
    least = max(place for place, name in enumerate(names) if name.strip()) + 1
    for where, row in cells:
        with bad.row():
            surplus = [cell for cell in row[len(names) :] if cell.strip()]
            if len(row) < least or surplus:
                raise DataError(f"{where}: has {len(row)} cells, the first line names {len(named)} columns")
            nameless = [cell for name, cell in zip(names, row, strict=False) if cell.strip() and not name.strip()]
            if nameless:
                raise DataError(f"{where}: the cell {nameless[0]!r:.60} stands in a column without a name; name it")
            yield where, {name: cell for name, cell in zip(names, row, strict=False) if name.strip()}


def _number(cell: object, column: str, where: str) -> float | None:
    assert isinstance(cell, str)
    if not cell.strip():
        return None
    try:
        number = float(cell.replace("_", "?"))  # Python alone reads 1_000 as a number
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        labels = "write 1 for yes and 0 for no, and " if cell.strip().lower() in _YES_OR_NO else ""
        raise DataError(f"{where}, column {column!r}: not a number: {cell!r:.60} ({labels}leave a missing one empty)")
    return number
