"""Reads the rows of CSV files, with errors that name file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from redheart_core.contract.errors import DataError
from redheart_core.storage.bad_rows import BadLineError, refuse
from redheart_core.storage.jsonlines import OnError, read_lines


def read_cells(path: Path, delimiter: str = ",", on_error: OnError = refuse) -> Iterator[tuple[str, list[str]]]:
    """(where, cells) of every row that has any; where names the row's first line.

    Args:
        path: As for read_lines.
        delimiter: Between cells.
        on_error: Gets the error of a row that is broken or not UTF-8, which is passed over.

    Raises:
        DataError: As read_lines.
    """
    taken: list[str] = []
    read: list[str] = []

    def lines() -> Iterator[str]:
        for where, line in read_lines(path, on_error):
            taken.append(where)
            read.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        read.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reached = taken[-1].rpartition(" ")[2]
            on_error(BadLineError(f"{taken[0]}: broken CSV, {error} (reached line {reached})", "".join(read)))
            continue
        if any(cell.strip() for cell in row):
            yield taken[0], row


def read_named_cells(
    path: Path, delimiter: str = ",", on_error: OnError = refuse
) -> tuple[str, list[str], Iterator[tuple[str, list[str]]]]:
    """Where the first row is, its cells, which name the columns, and the other rows as read_cells has them.

    Raises:
        DataError: The first row cannot be read, without which no other one can be.
    """
    begun = False

    def report(error: DataError) -> None:
        if not begun:
            raise error
        on_error(error)

    cells = read_cells(path, delimiter, report)
    where, header = next(cells, ("", []))
    begun = True
    return where, header, cells
