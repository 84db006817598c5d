"""The rows of a file: CSV, JSON lines or Parquet, as columns by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from redheart_core import DataError
from redheart_core.contract.names import composed
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.csv_rows import read_named_cells
from redheart_core.storage.jsonlines import read_objects
from redheart_core.storage.paths import find_path

Row = Mapping[str, object]
FORMS = (".csv", ".jsonl", ".parquet")


def read_rows(path: Path, delimiter: str, needed: Sequence[str], bad: BadRows) -> Iterator[tuple[str, Row]]:
    """(where, row) of every row, in the order of the file; cells of CSV are text.

    Args:
        path: The file.
        delimiter: Of CSV.
        needed: Columns that it has to have.
        bad: Collects bad rows.

    Raises:
        DataError: The file is missing, empty, of another form, or lacks a column.
    """
    form = Path(path.name.removesuffix(".gz")).suffix
    if form == ".csv":
        rows = _csv(path, delimiter, needed, bad)
    elif form == ".jsonl":
        rows = _jsonl(path, needed, bad)
    elif form == ".parquet":
        rows = _parquet(path, needed)
    else:
        raise DataError(f"{path}: expects a file that ends in {', '.join(FORMS)} (.csv.gz and .jsonl.gz too)")
    empty = True
    for where, row in rows:
        empty = False
        yield where, row
    if empty and not bad.count:
        raise DataError(f"{path} holds no rows; a series needs a row for every step")


def number_of(value: object, column: str, where: str) -> float:
    """A number of a row; NaN where nothing stands.

    Raises:
        DataError: Text, or a number that is not finite.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan
    number = math.inf
    if isinstance(value, str):
        try:
            number = float(value.replace("_", "?"))  # Python alone reads 1_000 as a number
        except ValueError:
            number = math.inf
    elif isinstance(value, int | float):
        number = float(value)
    if not math.isfinite(number):
        raise DataError(
            f"{where}, column '{column}': not a number: {value!r:.60}; leave a missing one empty, and turn words into "
            "numbers"
        )
    return number


def _require(path: Path, needed: Sequence[str], found: Sequence[str], more: str = "") -> None:
    missing = [column for column in dict.fromkeys(needed) if column not in found]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, missing))} (columns: {', '.join(map(repr, found))}); set the "
            f"names{more} under [plugins.series]"
        )


def _csv(path: Path, delimiter: str, needed: Sequence[str], bad: BadRows) -> Iterator[tuple[str, Row]]:
    where, header, cells = read_named_cells(path, delimiter, bad.add)
    if not header:
        raise DataError(f"{path} is empty; its first line has to name the columns")
    names = [composed(name.strip()) for name in header]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{where}: names the column {', '.join(map(repr, twice))} more than once")
    _require(path, needed, [name for name in names if name], ", or delimiter,")
    for where, row in cells:
        with bad.row():
            if len(row) != len(names):
                raise DataError(f"{where}: has {len(row)} cells, the first line names {len(names)} columns")
            yield where, dict(zip(names, row, strict=True))


def _jsonl(path: Path, needed: Sequence[str], bad: BadRows) -> Iterator[tuple[str, Row]]:
    found: dict[str, None] = {}
    for where, row in read_objects(path, bad.add):
        found.update(dict.fromkeys(row))
        yield where, row
    if found:
        _require(path, needed, list(found))


def _parquet(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, Row]]:
    try:
        from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]  # ships no types
    except ModuleNotFoundError as error:
        raise DataError(
            f"{path}: Parquet is read by pyarrow, which is not installed: pip install 'redheart[series]'"
        ) from error
    path = find_path(path)
    if not path.is_file():
        raise DataError(f"no such file: {path}")
    try:
        with parquet.ParquetFile(path) as file:
            _require(path, needed, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(columns=list(dict.fromkeys(needed))):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path.name} row {number}", {k: None if v != v else v for k, v in row.items()}
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: no whole Parquet file ({str(error).splitlines()[0]}); get the file again") from error
