"""The data set `series`: fields with the scale of the training part, and one record a window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from redheart_core import DataError, Field, Record
from redheart_series.settings import SeriesSettings
from redheart_series.table import Numbers, Series, Table, read_table
from redheart_series.windows import Division, Window, divide, known_part, median_step, training_rows


@attrs.frozen
class Scale:
    """Of a column over the training part."""

    mean: float
    std: float
    """Above 0."""
    step: float
    """Mean absolute change from one step to the next, above 0."""


def fields(settings: SeriesSettings) -> tuple[Field, ...]:
    """`past`, `past_times`, and, as far as there are columns for them, `known`, `next`, `outcome` and `quantity`."""
    table = read_table(settings)
    return _fields(table, divide(table))


def records(settings: SeriesSettings) -> Iterator[Record]:
    """One record a window, series by series in the order of time."""
    table = read_table(settings)
    division = divide(table)
    declared = {field.name: field for field in _fields(table, division)}
    labels = declared["outcome"].labels if "outcome" in declared else ()
    step = median_step(table, division)
    for window in division.windows:
        yield _record(table, window, step, labels)


def _fields(table: Table, division: Division) -> tuple[Field, ...]:
    settings = table.settings
    _check_targets(table, division)
    scales = {column: _scale(table, division, column) for column in (*table.channels, *settings.quantities)}
    length, ahead = (settings.context,), (settings.horizon,)
    found = [
        _values("past", f"the last {settings.context} steps", table.channels, scales, length),
        Field(
            "past_times",
            "when each step of the past was, from the last one on, in median steps of the training part",
            -np.inf,
            0.0,
            unit="steps",
            step=(median_step(table, division),),
            axes=length,
        ),
    ]
    if settings.known:
        found.append(_values("known", "what is known of the steps ahead", settings.known, scales, ahead))
    if settings.targets:
        found.append(_values("next", f"the next {settings.horizon} steps", settings.targets, scales, ahead))
    if table.named_classes:
        meaning = f"the class in column {settings.classes[0]}"
        found.append(Field("outcome", meaning, 0.0, 1.0, labels=_classes(table, division), simplex=True))
    elif settings.classes:
        found.append(Field("outcome", "what holds, of several", 0.0, 1.0, labels=settings.classes, binary=True))
    if settings.quantities:
        found.append(_values("quantity", "numbers to estimate", settings.quantities, scales, ()))
    return tuple(found)


def _values(
    name: str, meaning: str, columns: tuple[str, ...], scales: Mapping[str, Scale], axes: tuple[int, ...]
) -> Field:
    mean, std, step = (tuple(getattr(scales[column], key) for column in columns) for key in ("mean", "std", "step"))
    return Field(
        name,
        f"{meaning}, in units of the file",
        -np.inf,
        np.inf,
        unit="as in the file",
        labels=columns,
        axes=axes,
        mean=mean,
        std=std,
        step=step,
    )


def _scale(table: Table, division: Division, column: str) -> Scale:
    parts = known_part(table, division, column)
    numbers = np.concatenate(parts)
    there = numbers[~np.isnan(numbers)]
    if not len(there):
        raise DataError(
            f"column '{column}' has no number in the training part, up to {table.reader.say(division.ends[0])}; leave "
            "it out, or set other cuts under [plugins.series]"
        )
    if there.max() == there.min():
        raise DataError(
            f"column '{column}' is constant in the training part: {there[0]:g} in all {len(there)} rows up to "
            f"{table.reader.say(division.ends[0])}; nothing can be learnt from it: leave it out of [plugins.series]"
        )
    changes = np.abs(np.concatenate([np.diff(part) for part in parts]))
    changes = changes[~np.isnan(changes)]
    step = float(changes.mean()) if len(changes) and changes.mean() > 0 else float(there.std())
    return Scale(float(there.mean()), float(there.std()), step)


def _check_targets(table: Table, division: Division) -> None:
    """No series may be constant in what is to be forecast."""
    for column in table.settings.targets:
        for series, part in zip(table.series, known_part(table, division, column), strict=True):
            there = part[~np.isnan(part)]
            if len(there) > 1 and there.max() == there.min():
                of = f" of series '{series.name}'" if series.name else ""
                raise DataError(
                    f"column '{column}'{of} is constant: {there[0]:g} in all {len(there)} rows of the training part "
                    f"({series.places[0]} on); there is nothing to forecast: leave the "
                    f"{'series' if series.name else 'column'} out"
                )


def _classes(table: Table, division: Division) -> tuple[str, ...]:
    """Those of the training part, sorted.

    Raises:
        DataError: Fewer than two, or a later row has another one.
    """
    rows = [training_rows(one, division, table.settings, True) for one in table.series]
    known = sorted({name for one, end in zip(table.series, rows, strict=True) for name in one.classes[:end]} - {""})
    column = table.settings.classes[0]
    if len(known) < 2:
        raise DataError(
            f"column '{column}' has {len(known)} classes in the training part ({', '.join(known) or 'none'}), and two "
            "are needed; set other cuts, or leave classes out under [plugins.series]"
        )
    for one, end in zip(table.series, rows, strict=True):
        for name, place in zip(one.classes[end:], one.places[end:], strict=True):
            if name and name not in known:
                raise DataError(
                    f"{place}, column '{column}': the class {name!r} is in no row of the training part (classes: "
                    f"{', '.join(known)}); set later cuts under [plugins.series], or leave these rows empty"
                )
    return tuple(known)


def inputs(table: Table, series: Series, origin: int, step: float) -> dict[str, object]:
    """What nodes read of a window, by field: the past up to the row of origin, and what is known ahead."""
    settings = table.settings
    past = slice(origin + 1 - settings.context, origin + 1)
    values: dict[str, object] = {
        "past": series.numbers[past][:, table.of(table.channels)],
        "past_times": (series.times[past] - series.times[origin]) / step,
    }
    if settings.known:
        ahead = slice(origin + 1, origin + 1 + settings.horizon)
        values["known"] = series.numbers[ahead][:, table.of(settings.known)]
    return values


def _record(table: Table, window: Window, step: float, labels: tuple[str, ...]) -> Record:
    settings, series, origin = table.settings, window.series, window.origin
    ahead = slice(origin + 1, origin + 1 + settings.horizon)
    values = inputs(table, series, origin, step)
    if settings.targets:
        values["next"] = series.numbers[ahead][:, table.of(settings.targets)]
    values |= _learnt(table, series, origin + settings.ahead, labels)
    time = table.reader.say(float(series.times[origin]))
    return Record(
        id=f"{series.name} {time}".strip(),
        text="",
        values=values,
        where=series.places[origin],
        split=window.split,
        cluster=f"{series.name}/{origin // (settings.context + settings.horizon)}",
    )


def _learnt(table: Table, series: Series, row: int, labels: tuple[str, ...]) -> dict[str, object]:
    """`outcome` and `quantity` as they stand in a row."""
    found: dict[str, object] = {}
    if table.named_classes and series.classes[row]:
        found["outcome"] = {name: float(name == series.classes[row]) for name in labels}
    elif len(table.settings.classes) > 1:
        numbers: Numbers = series.numbers[row, table.of(table.settings.classes)]
        found["outcome"] = {
            name: None if np.isnan(number) else float(number)
            for name, number in zip(table.settings.classes, numbers.tolist(), strict=True)
        }
    if table.settings.quantities:
        found["quantity"] = series.numbers[row, table.of(table.settings.quantities)]
    return found
