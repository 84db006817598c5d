"""The rows of all files as series: times in order and numbers by column, checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import DataError
from redheart_core.contract.names import composed
from redheart_core.storage.bad_rows import BadRows
from redheart_series import sample
from redheart_series.reading import Row, number_of, read_rows
from redheart_series.settings import SeriesSettings
from redheart_series.times import TimeReader

Numbers = NDArray[np.float64]


@attrs.frozen(eq=False)
class Series:
    """One series of N rows."""

    name: str
    """Of its group columns; empty if there are none."""
    times: Numbers
    """(N,) ascending."""
    numbers: Numbers
    """(N, C), NaN where missing; columns as in Table.columns."""
    classes: tuple[str, ...]
    """(N,) of the one column of classes; "" where missing; none without one."""
    places: tuple[str, ...]
    """(N,) file and line."""


@attrs.frozen(eq=False)
class Table:
    """All series, with what their columns mean."""

    settings: SeriesSettings
    """With the columns of the sample where no file is named."""
    columns: tuple[str, ...]
    """Of numbers: targets, covariates, known, classes of 0 and 1, quantities."""
    series: tuple[Series, ...]
    reader: TimeReader

    def of(self, names: Sequence[str]) -> list[int]:
        """Places of columns."""
        return [self.columns.index(name) for name in names]

    @property
    def channels(self) -> tuple[str, ...]:
        """The columns of `past`."""
        return (*self.settings.targets, *self.settings.covariates, *self.settings.known)

    @property
    def named_classes(self) -> bool:
        """Whether one column names the class of a row."""
        return len(self.settings.classes) == 1


def read_table(given: SeriesSettings, ahead: int = 0) -> Table:
    """Read and check all files.

    Args:
        given: Their names and what the columns mean.
        ahead: Steps that the sample goes on, if no file is named, with what is known of them.

    Raises:
        DataError: Settings name no column or no file; a row cannot be used; times are not in order.
    """
    settings = resolved(given)
    classes = settings.classes if len(settings.classes) > 1 else ()
    columns = (*settings.targets, *settings.covariates, *settings.known, *classes, *settings.quantities)
    reader, bad = TimeReader(settings.time, settings.zone), BadRows()
    found: dict[str, _Rows] = {}
    for where, row in _all_rows(settings, bad, ahead):
        with bad.row():
            name = ", ".join(_group(row, column, where) for column in settings.groups)
            time = reader.read(row.get(settings.time), where)
            numbers = [number_of(row.get(column), column, where) for column in columns]
            label = _class(row, settings, where) if len(settings.classes) == 1 else ""
            found.setdefault(name, _Rows(name)).add(time, numbers, label, where, reader)
    bad.check()
    if not found:
        raise DataError("data set 'series' has no rows; name files that have some under [plugins.series]")
    return Table(settings, columns, tuple(rows.series(len(settings.classes) == 1) for rows in found.values()), reader)


def resolved(given: SeriesSettings) -> SeriesSettings:
    """The settings with all names in NFC, and with the columns of the sample where no file is named.

    Raises:
        DataError: Nothing is to be learnt, a column has two roles, or columns are named and no file.
    """
    keys = ("groups", "targets", "covariates", "known", "classes", "quantities")
    named: dict[str, Any] = {key: tuple(map(composed, getattr(given, key))) for key in keys}
    if not given.files:
        if any(named.values()):
            raise DataError(
                "data set 'series' has names of columns and no file; write files = [\"my.csv\"] under "
                "[plugins.series], or give --set 'series.files=[\"my.csv\"]'"
            )
        return attrs.evolve(
            given,
            time=sample.TIME,
            groups=sample.GROUPS,
            targets=sample.TARGETS,
            covariates=sample.COVARIATES,
            known=sample.KNOWN,
            classes=sample.CLASSES,
        )
    settings = attrs.evolve(given, time=composed(given.time), **named)
    if not (settings.targets or settings.classes or settings.quantities):
        raise DataError(
            "data set 'series' has nothing to learn; name targets (to forecast), classes or quantities under "
            '[plugins.series], such as targets = ["sales"]'
        )
    if not (settings.targets or settings.covariates or settings.known):
        raise DataError(
            "data set 'series' has nothing to learn from; name the columns of the past under [plugins.series]: "
            "targets, covariates or known"
        )
    columns = [settings.time, *(column for key in keys[1:] for column in getattr(settings, key))]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise DataError(f"[plugins.series] gives column {', '.join(twice)} more than one meaning; name it once")
    return settings


def _all_rows(settings: SeriesSettings, bad: BadRows, ahead: int) -> Iterator[tuple[str, Row]]:
    if not settings.files:
        yield from sample.sample_rows(ahead)
    keys = ("groups", "targets", "covariates", "known", "classes", "quantities")
    needed = [settings.time, *(column for key in keys for column in getattr(settings, key))]
    for path in settings.files:
        yield from read_rows(path, settings.delimiter, needed, bad)


def _group(row: Row, column: str, where: str) -> str:
    name = str(row.get(column) if row.get(column) is not None else "").strip()
    if not name or not name.isprintable():
        raise DataError(f"{where}, column '{column}': expects the name of a series, got {row.get(column)!r:.60}")
    return name


def _class(row: Row, settings: SeriesSettings, where: str) -> str:
    (column,) = settings.classes
    value = row.get(column)
    name = "" if value is None else str(value).strip()
    if name and (not name.isprintable() or "." in name):
        raise DataError(f"{where}, column '{column}': a class is a printable name without a dot, got {name!r:.60}")
    return composed(name)


@attrs.define
class _Rows:
    """The rows of a series as they come."""

    name: str
    times: list[float] = attrs.field(factory=list)
    numbers: list[list[float]] = attrs.field(factory=list)
    classes: list[str] = attrs.field(factory=list)
    places: list[str] = attrs.field(factory=list)

    def add(self, time: float, numbers: list[float], label: str, where: str, reader: TimeReader) -> None:
        if self.times and time <= self.times[-1]:
            of = f" of series '{self.name}'" if self.name else ""
            before = f"{reader.say(time)} comes after {reader.say(self.times[-1])} ({self.places[-1]}){of}"
            if time == self.times[-1]:
                before = f"{reader.say(time)} comes twice{of}, here and at {self.places[-1]}"
            raise DataError(
                f"{where}, column '{reader.column}': {before}; sort the rows by time and keep one a time; where "
                "several series share a file name their columns as groups; local times that a clock change repeats "
                "need an offset"
            )
        self.times.append(time)
        self.numbers.append(numbers)
        self.classes.append(label)
        self.places.append(where)

    def series(self, named: bool) -> Series:
        numbers = np.array(self.numbers, np.float64).reshape(len(self.times), -1)
        classes = tuple(self.classes) if named else ()
        return Series(self.name, np.array(self.times), numbers, classes, tuple(self.places))
