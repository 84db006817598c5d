"""Which windows there are and in which split each lies: walk-forward, by time alone.

A window has an origin, the last step of its past. It belongs to the split in which all steps lie that it has to learn:
the first more than `gap` steps behind the cut before, the last not behind the own cut. Windows across a cut belong to
none. So nothing that training reads, as input, target or scale, stems from behind its cut, and no step is a target in
two splits (Bergmeir and Benitez 2012; the gap is the embargo of Lopez de Prado 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import attrs
import numpy as np

from redheart_core import DataError
from redheart_core.contract.data import SPLITS, SplitName
from redheart_series.settings import SeriesSettings
from redheart_series.table import Numbers, Series, Table


@attrs.frozen(eq=False)
class Window:
    """Some steps of a series."""

    series: Series
    origin: int
    """Row of the last step of the past."""
    split: SplitName


@attrs.frozen(eq=False)
class Division:
    """Where the splits end, and the windows of each."""

    ends: tuple[float, ...]
    """Times of the last steps of train, validation and calibration."""
    windows: tuple[Window, ...]


def span(settings: SeriesSettings) -> tuple[int, int]:
    """The first and the last step after the origin that a window has to learn or read ahead."""
    first = 1 if settings.targets else settings.ahead
    last = max(settings.horizon if settings.targets or settings.known else 0, settings.ahead)
    return min(first, settings.ahead) if settings.classes or settings.quantities else first, last


def divide(table: Table) -> Division:
    """All windows of all series with their splits.

    Raises:
        DataError: A series is shorter than a window, the cuts are no times or in no order, or a split has no window.
    """
    settings = table.settings
    needed = settings.context + span(settings)[1]
    for series in table.series:
        if len(series.times) < needed:
            of = f"series '{series.name}'" if series.name else "the series"
            raise DataError(
                f"{of} has {len(series.times)} rows ({series.places[0]} to {series.places[-1]}), and a window takes "
                f"{needed}: context {settings.context} and {needed - settings.context} ahead; set a smaller context "
                "or horizon under [plugins.series], or leave the series out"
            )
    ends = cut_times(table)
    windows = tuple(window for series in table.series for window in _windows(series, settings, ends))
    found = {window.split for window in windows}
    missing = [split for split in SPLITS if split not in found]
    if missing:
        say = table.reader.say
        raise DataError(
            f"data set 'series' has no window in {', '.join(missing)}: the cuts are at {', '.join(map(say, ends))}, "
            f"the rows go from {say(min(one.times[0] for one in table.series))} to "
            f"{say(max(one.times[-1] for one in table.series))}, and a window of a later split has all "
            f"{span(settings)[1]} steps ahead more than {gap_of(settings)} steps behind the cut before it; give more "
            "rows, other cuts, or a smaller horizon, gap or stride under [plugins.series]"
        )
    return Division(ends, windows)


def gap_of(settings: SeriesSettings) -> int:
    """Steps that are left out behind a cut."""
    return settings.horizon if settings.gap is None else settings.gap


def cut_times(table: Table) -> tuple[float, ...]:
    """The times at which train, validation and calibration end, inclusive, the same for all series.

    Raises:
        DataError: A cut is no time, or they do not rise.
    """
    cuts = table.settings.cuts
    if isinstance(cuts[0], str):
        ends = tuple(table.reader.read(cut, f"[plugins.series] cuts: {cut!r}") for cut in cuts)
    else:
        times = np.sort(np.concatenate([series.times for series in table.series]))
        ends = tuple(float(times[max(0, int(float(cut) * len(times)) - 1)]) for cut in cuts)
    if not all(first < second for first, second in pairwise(ends)):
        raise DataError(
            f"[plugins.series] cuts: they have to rise, and are at {', '.join(map(table.reader.say, ends))}; give "
            "other cuts, or more rows"
        )
    return ends


def _windows(series: Series, settings: SeriesSettings, ends: tuple[float, ...]) -> Iterator[Window]:
    first, last = span(settings)
    behind = [int(np.searchsorted(series.times, end, side="right")) for end in ends]
    starts = [0, *(row + gap_of(settings) for row in behind)]
    stops = [*behind, len(series.times)]
    for origin in range(settings.context - 1, len(series.times) - last, settings.stride):
        for split, start, stop in zip(SPLITS, starts, stops, strict=True):
            if start <= origin + first and origin + last < stop:
                yield Window(series, origin, split)
                break


def training_rows(series: Series, division: Division, settings: SeriesSettings, ahead: bool) -> int:
    """How many of the first rows training may look at: all up to the cut, or those that the past of a window has."""
    rows = int(np.searchsorted(series.times, division.ends[0], side="right"))
    return rows if ahead else max(0, rows - span(settings)[1])


def median_step(table: Table, division: Division) -> float:
    """The median time from one row to the next, over the training part."""
    steps = [np.diff(one.times[: training_rows(one, division, table.settings, True)]) for one in table.series]
    return float(np.median(np.concatenate(steps)))


def known_part(table: Table, division: Division, column: str) -> list[Numbers]:
    """By series the numbers of a column that training windows hold, NaN where missing: of what is known only up to now
    those of the past alone, since a column may tell of the step that follows."""
    settings, place = table.settings, table.columns.index(column)
    ahead = column not in settings.covariates
    return [one.numbers[: training_rows(one, division, settings, ahead), place] for one in table.series]
