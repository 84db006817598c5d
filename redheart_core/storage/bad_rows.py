"""Bad rows of data are collected while reading goes on, and reported together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from redheart_core.contract.errors import DataError, join_complaints

REPORTED = 20
"""Bad rows that a message lists; the rest are counted."""

T = TypeVar("T")


class BadRowsError(DataError):
    """Rows of data that cannot be used, one or many."""

    def __init__(self, complaints: Sequence[str], count: int) -> None:
        self.complaints, self.count = tuple(complaints), count
        rest = [f"and {count - len(complaints)} more"] if count > len(complaints) else []
        title = f"{count} rows cannot be used; correct them, or leave them out:"
        super().__init__(complaints[0] if count == 1 else join_complaints(title, [*complaints, *rest]))

    def __reduce__(self) -> tuple[type[BadRowsError], tuple[Sequence[str], int]]:
        return BadRowsError, (self.complaints, self.count)


class BadLineError(DataError):
    """A line that holds no record, and what can be read of it: somebody in danger may have written it."""

    def __init__(self, message: str, read: object) -> None:
        super().__init__(message)
        self.read = read
        """The value that was parsed, or the line as text."""

    def __reduce__(self) -> tuple[type[BadLineError], tuple[str, object]]:
        return BadLineError, (str(self), self.read)


class BadRows:
    """Collects what is wrong with single rows, of readers and of all that checks records after them.

    A reader passes over a bad row, gives all good ones, and calls `check` at the end:

        bad = BadRows()
        for where, cells in rows(path):
            with bad.row():
                yield to_record(cells, where)
        bad.check()
    """

    def __init__(self) -> None:
        self.count = 0
        self._complaints: list[str] = []

    def add(self, error: DataError) -> None:
        """One more bad row, or all that a reader has collected, which are put between those that are known already."""
        if isinstance(error, BadRowsError):
            self._complaints = sorted([*self._complaints, *error.complaints], key=_place)[:REPORTED]
            self.count += error.count
            return
        if len(self._complaints) < REPORTED:
            self._complaints.append(str(error))
        self.count += 1

    @contextmanager
    def row(self) -> Iterator[None]:
        """A DataError within is that of one row; what stands after goes on."""
        try:
            yield
        except DataError as error:
            self.add(error)

    def passing(self, items: Iterable[T]) -> Iterator[T]:
        """The same items; a DataError of their source ends them, and is added."""
        try:
            yield from items
        except DataError as error:
            self.add(error)

    def check(self) -> None:
        """Refuse the data if a row was bad.

        Raises:
            BadRowsError: Lists the first 20 and gives the count.
        """
        if self.count:
            raise BadRowsError(self._complaints, self.count)


def _place(complaint: str) -> list[tuple[int, str]]:
    """Orders complaints by file and line, which they begin with: line 9 comes before line 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", complaint)]


def refuse(error: DataError) -> None:
    """What a reader does with a bad line if nobody collects them.

    Raises:
        DataError: The error itself.
    """
    raise error
