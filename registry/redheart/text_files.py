"""Files that hold many texts: a line each, a row of a table each, or a JSON object each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from redheart.analyzing import Text
from redheart_core.contract.errors import DataError
from redheart_core.contract.names import composed
from redheart_core.storage.bad_rows import BadLineError
from redheart_core.storage.csv_rows import read_named_cells
from redheart_core.storage.jsonlines import OnError, read_lines, read_objects

T = TypeVar("T")
Item = tuple[str, Text | DataError]
"""A text or record with its place, or why its line holds none."""
KEPT = ("id", "language")
"""Columns of a table that are read beside the text."""


def read_text_file(path: Path, column: str | None = None) -> Iterator[Item]:
    """The texts of a .txt (one a line), a .csv or a .jsonl, each of which may be gzipped; blank lines are passed over.

    Args:
        path: The file.
        column: Of a table or of objects, which one holds the text; "text" if left out.

    Raises:
        DataError: The name has another ending, the file cannot be read, or a table has no such column.
    """
    form = Path(path.name.removesuffix(".gz")).suffix.lower()
    if form not in (".txt", ".csv", ".jsonl"):
        raise DataError(
            f"{path}: expects a .txt with one text a line, a .csv with a column of texts, or a .jsonl with a "
            f"'text' in each object, each of them may be gzipped (.gz); got the ending '{form or path.name}'"
        )
    if column is not None and form == ".txt":
        raise DataError(f"{path}: a column is named, which a {form} has not; leave it out")
    if form == ".csv":
        return in_order(lambda on_error: _rows(path, column or "text", on_error))
    if form == ".jsonl":
        return in_order(lambda on_error: _objects(path, column or "text", on_error))
    return in_order(lambda on_error: _lines(path, on_error))


def in_order(read: Callable[[OnError], Iterator[tuple[str, T]]]) -> Iterator[tuple[str, T | DataError]]:
    """What a reader gives, and between it the errors of lines that it passes over."""
    errors: list[DataError] = []
    for where, text in read(errors.append):
        yield from _placed(errors)
        yield where, text
    yield from _placed(errors)


def line_number(where: str) -> int:
    """The line of a place such as "posts.csv line 7"."""
    return int(where.rpartition(" ")[2])


def _placed(errors: list[DataError]) -> Iterator[tuple[str, DataError]]:
    """Each error with its place, which its message begins with; the list is emptied."""
    while errors:
        error = errors.pop(0)
        yield str(error).partition(":")[0], error


def _lines(path: Path, on_error: OnError) -> Iterator[tuple[str, Text]]:
    return ((where, line.rstrip("\r\n")) for where, line in read_lines(path, on_error) if line.strip())


def _objects(path: Path, column: str, on_error: OnError) -> Iterator[tuple[str, Text]]:
    for where, record in read_objects(path, on_error):
        if column != "text" and column not in record:
            found = f"expects a text in '{column}', got an object of {', '.join(record) or 'nothing'}"
            on_error(BadLineError(f"{where}: {found}", record))
            continue
        yield where, record if column == "text" else {**record, "text": record[column]}


def _rows(path: Path, column: str, on_error: OnError) -> Iterator[tuple[str, Text]]:
    _, header, cells = read_named_cells(path, on_error=on_error)
    names = [composed(name.strip()) for name in header]
    if names.count(composed(column)) != 1:
        raise DataError(
            f"{path} has to have one column '{column}' (columns: {', '.join(filter(None, names)) or 'none'}); name "
            "the one with the texts"
        )
    for where, row in cells:
        if len(row) != len(names):
            cells_found = f"has {len(row)} cells, the first line names {len(names)} columns"
            on_error(BadLineError(f"{where}: {cells_found}", " ".join(row)))
            continue
        record = dict(zip(names, row, strict=True))
        kept = {name: record[name] for name in KEPT if record.get(name) and name != column}
        yield where, {"text": record[composed(column)], **kept}
