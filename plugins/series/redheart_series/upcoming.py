"""The end of every series of a file, from which a model says what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from redheart_core import DataError, Field, Upcoming
from redheart_series.dataset import inputs
from redheart_series.settings import SeriesSettings
from redheart_series.table import Series, Table, read_table

APART = 1.5
"""By how much the median step of a series may be longer or shorter than that of the training part."""


def upcoming(settings: SeriesSettings, fields: Mapping[str, Field]) -> Iterator[Upcoming]:
    """One for each series; see DatasetSpec.upcoming.

    The past ends at the last row that has a number of a target or covariate. Rows behind it say what is known of the
    steps ahead, and when they are.

    Raises:
        DataError: As for a training; or a series is too short, has other steps than those of the training part, or says
            too little of the steps ahead.
    """
    if settings.targets:
        settings = attrs.evolve(settings, classes=(), quantities=())  # these columns are not read
    table = read_table(settings, settings.horizon)
    (step,) = fields["past_times"].step
    for series in table.series:
        yield _end(table, series, step, fields)


def _end(table: Table, series: Series, step: float, fields: Mapping[str, Field]) -> Upcoming:
    settings = table.settings
    origin = _origin(table, series)
    of = f"series '{series.name}'" if series.name else "the series"
    if origin + 1 < settings.context:
        raise DataError(
            f"{of} has {origin + 1} rows up to {series.places[origin]}, and the model reads the last "
            f"{settings.context}; give more of its past, or leave the series out"
        )
    past = series.times[origin + 1 - settings.context : origin + 1]
    found = float(np.median(np.diff(past)))
    if not step / APART <= found <= step * APART:
        raise DataError(
            f"{of} has rows that are {found:g} apart in the median, and those of the training part were {step:g} apart "
            f"({'seconds' if table.reader.kind != 'number' else 'units of the times'}); give rows of the same steps"
        )
    most = max(settings.horizon, settings.ahead)
    ahead = [float(time) for time in series.times[origin + 1 : origin + 1 + most]]
    known_to = len(ahead)
    ahead += table.reader.following([*past.tolist(), *ahead], step, most - known_to)
    if settings.known and known_to < settings.horizon:
        raise DataError(
            f"{of} ends at {series.places[-1]}, and the model reads what {', '.join(settings.known)} will be in the "
            f"next {settings.horizon} steps; add {settings.horizon - known_to} rows with the time and these columns, "
            "and leave the others empty"
        )
    said = [table.reader.say(time) for time in (past[-1], *ahead)]
    at = (said[settings.ahead],)
    times = {"next": tuple(said[1 : settings.horizon + 1]), "outcome": at, "quantity": at}
    answered = {name: times[name] for name in times if name in fields}
    return Upcoming(series.name, said[0], inputs(table, series, origin, step), answered, series.places[origin])


def _origin(table: Table, series: Series) -> int:
    """Row of the last step of the past."""
    settings = table.settings
    columns = table.of((*settings.targets, *settings.covariates))
    if not columns:
        return len(series.times) - 1 - settings.horizon  # of what is known ahead, the steps ahead come last
    there = np.flatnonzero(~np.isnan(series.numbers[:, columns]).all(1))
    if not len(there):
        of = f" of series '{series.name}'" if series.name else ""
        raise DataError(f"no row{of} has a number of {', '.join((*settings.targets, *settings.covariates))}")
    return int(there[-1])
