"""The [plugins.series] table, and those of the two forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from attrs.validators import deep_iterable, ge, gt, max_len, min_len, optional

CUTS = (0.7, 0.8, 0.9)


def _three(_: object, attribute: attrs.Attribute[Any], value: tuple[float | str, ...]) -> None:
    if len(value) != 3:
        raise ValueError(f"'{attribute.name}' must be the ends of train, validation and calibration: {value}")
    if len({isinstance(one, str) for one in value}) > 1:
        raise ValueError(f"'{attribute.name}' must be three shares or three times, not both: {value}")
    shares = [one for one in value if not isinstance(one, str)]
    if shares and not 0.0 < shares[0] < shares[1] < shares[2] < 1.0:
        raise ValueError(f"'{attribute.name}' must rise between 0 and 1: {value}")


@attrs.frozen
class SeriesSettings:
    """Where the files are, what their columns mean, and how windows are cut out of them and divided.

    A window has `context` steps of the past and `horizon` steps to forecast. Without files the sample of the package
    is read, and the names of columns are those of the sample.
    """

    files: tuple[Path, ...] = ()
    """*.csv, *.jsonl (each may be gzipped) or *.parquet; read one after another."""
    delimiter: str = attrs.field(default=",", validator=[min_len(1), max_len(1)])
    """The one character between cells of a CSV file."""
    time: str = "time"
    """Column of the time: ISO 8601 with or without an offset, seconds since 1970, or any numbers that rise."""
    zone: str = ""
    """Where times without an offset are from, such as "Europe/Berlin"; they are compared as they stand if empty."""
    groups: tuple[str, ...] = ()
    """Columns that together name the series that a row belongs to; one series without any."""
    targets: tuple[str, ...] = ()
    """Columns of numbers to forecast: the field `next`."""
    covariates: tuple[str, ...] = ()
    """Columns of numbers that are known only up to now, beside the targets in `past`."""
    known: tuple[str, ...] = ()
    """Columns of numbers that are known ahead, such as a calendar: in `past`, and for the steps ahead in `known`."""
    classes: tuple[str, ...] = ()
    """One column of classes, or several of 0 and 1: the field `outcome`."""
    quantities: tuple[str, ...] = ()
    """Columns of numbers to estimate: the field `quantity`."""
    ahead: int = attrs.field(default=0, validator=ge(0))
    """How many steps after the last one of the past `outcome` and `quantity` are read; 0 is that last step."""
    context: int = attrs.field(default=28, validator=ge(2))
    """Steps of the past in a window."""
    horizon: int = attrs.field(default=7, validator=ge(1))
    """Steps that are forecast, and of which `known` is read."""
    stride: int = attrs.field(default=1, validator=ge(1))
    """Steps from one window to the next."""
    cuts: tuple[float | str, ...] = attrs.field(default=CUTS, validator=_three)
    """Where train, validation and calibration end: shares of all rows by time, or times as in the file."""
    gap: int | None = attrs.field(default=None, validator=optional(ge(0)))
    """Steps behind a cut that no window of the next split has as a target; `horizon` if left out."""


@attrs.frozen
class NaiveSettings:
    """The [plugins.series_naive] table."""

    season: int = attrs.field(default=0, validator=ge(0))
    """Steps of a season: 1 repeats the last value, 7 the last week of daily values; 0 takes the one of 1 to `context`
    steps with the least mean absolute error on the training windows."""


@attrs.frozen
class RidgeSettings:
    """The [plugins.series_ridge] table."""

    penalties: tuple[float, ...] = attrs.field(
        default=(0.01, 0.1, 1.0, 10.0, 100.0, 1000.0), validator=[min_len(1), deep_iterable(gt(0.0))]
    )
    """Of squared weights; the one of the least leave-one-out error is taken for each step and target."""
