"""Reads the rows of CSV files, with errors that name file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

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
