"""What comes next in the time series of a file, by a model that was trained on such series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart.analyzing import WINDOW, Refused, analyze_records, in_windows
from redheart_core.contract.data import Upcoming
from redheart_core.contract.errors import DataError, PluginError, SettingsError
from redheart_core.storage.paths import find_path
from redheart_core.storage.settings import read_table
from redheart_registry import load_registry

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart.models import Model


@attrs.frozen
class Point:
    """One number that is to come."""

    time: str
    field: str
    label: str
    """The column, or the class; empty of a field without labels."""
    value: float
    low: float | None
    """Ends of the interval that holds what comes in 90 % of all windows like those of calibration; None of a model
    that was not calibrated, and of labels that have sets."""
    high: float | None
    in_set: bool | None = None
    """Of a label that is 0 or 1: whether it may be 1."""


@attrs.frozen
class Forecast:
    """What a model says of one series."""

    series: str
    """Its name; empty of the only one."""
    time: str
    """Of the last step that is known."""
    points: tuple[Point, ...]
    """Field by field, in the order of time and labels."""
    analysis: Analysis = attrs.field(repr=False)
    """Everything that the model says, which names steps by number."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        points = [attrs.asdict(point) for point in self.points]
        return {"series": self.series, "time": self.time, "points": points, "analysis": self.analysis.to_json()}


def forecast(model: Model, files: Sequence[str | Path]) -> tuple[Forecast, ...]:
    """See Model.forecast."""
    return tuple(_forecasts(model, _ends(model, files)))


def _ends(model: Model, files: Sequence[str | Path]) -> Iterator[Upcoming]:
    data = model.assembled.manifest.data
    if model.reads_texts:
        raise SettingsError(f"{model.title} answers texts, which no future follows from; give them to analyze")
    registry = load_registry({"active": [data.dataset]})
    spec, _ = registry.dataset(data.dataset)
    if spec.upcoming is None:
        raise SettingsError(
            f"{model.title} was trained on '{data.dataset}', which has no order in time, so that nothing comes next; "
            "give its records to analyze instead"
        )
    if not data.settings:
        raise SettingsError(
            f"{model.title} does not say what the columns of its files mean; train and assemble it again with this "
            "version of redheart"
        )
    if "files" not in data.settings:
        raise PluginError(f"data set '{data.dataset}' offers upcoming, and its settings have no 'files' to be named")
    table: dict[str, object] = {key: value for key, value in data.settings.items() if value is not None}
    if table["files"] and not files:
        raise SettingsError(f"name the files whose future is wanted; {model.title} was trained on {_names(table)}")
    if files and not table["files"]:
        raise SettingsError(f"{model.title} was trained on the sample of '{data.dataset}' and forecasts that alone")
    table["files"] = [find_path(file) for file in files]
    yield from spec.upcoming(read_table(spec.settings, table, f"[plugins.{data.dataset}] of the model"), data.fields)


def _names(table: Mapping[str, object]) -> str:
    files = table["files"]
    assert isinstance(files, Sequence)
    return ", ".join(map(str, files))


def _forecasts(model: Model, ends: Iterator[Upcoming]) -> Iterator[Forecast]:
    given = ((end.where, end) for end in ends)
    for window in in_windows(given, WINDOW):
        answered = analyze_records(model, [(where, end.values) for where, end in window])
        for (_, end), found in zip(window, answered, strict=True):
            if isinstance(found, Refused):
                raise found.error
            points = tuple(_points(found, end))
            if not points:
                raise DataError(f"{end.where}: {model.title} answers nothing of what comes next in '{end.series}'")
            yield Forecast(end.series, end.time, points, found)


def _points(found: Analysis, end: Upcoming) -> Iterator[Point]:
    """The numbers of every answer that has times, in memory order."""
    for answer in found.answers:
        times, by_name = end.times.get(answer.field), {one.label: one for one in answer.values}
        if times is None:
            continue
        about, width = answer.about, max(1, len(answer.about.labels))
        inner = len(about.elements) // len(times)
        for number, name in enumerate(about.elements):
            one, label = by_name[name], about.labels[number % width] if about.labels else ""
            yield Point(times[number // inner], answer.field, label, one.value, one.low, one.high, one.in_set)
