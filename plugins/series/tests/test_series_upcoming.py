"""The end of a series, and the times that come after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from redheart_core import DataError, Upcoming
from redheart_series.dataset import fields, records
from redheart_series.settings import SeriesSettings
from redheart_series.times import TimeReader
from redheart_series.upcoming import upcoming

SETTINGS = SeriesSettings(
    groups=("shop",),
    targets=("sales",),
    covariates=("rain",),
    known=("weekend",),
    context=4,
    horizon=2,
    gap=0,
    cuts=(0.4, 0.6, 0.8),
)
HEAD = "time,shop,sales,rain,weekend"


def row(day: int, shop: str = "north", *, ahead: bool = False) -> str:
    """A day of a shop; one that is ahead holds what is known alone."""
    numbers = "," if ahead else f"{day * day % 7 + len(shop)},{day % 3}"
    return f"2024-01-{day:02d},{shop},{numbers},{int(day % 7 > 4)}"


def written(folder: Path, *lines: str, name: str = "my.csv") -> SeriesSettings:
    """A file of these rows, and the settings that read it."""
    (folder / name).write_text("\n".join((HEAD, *lines)) + "\n", encoding="utf-8")
    return attrs.evolve(SETTINGS, files=(folder / name,))


def days(first: int, last: int, **how: Any) -> list[str]:
    return [row(day, **how) for day in range(first, last + 1)]


def ends(trained: SeriesSettings, now: SeriesSettings) -> list[Upcoming]:
    return list(upcoming(now, {field.name: field for field in fields(trained)}))


def test_the_end_of_a_file_is_the_window_that_a_training_would_make_there(tmp_path: Path) -> None:
    whole = written(tmp_path, *days(1, 31), name="whole.csv")
    window = next(one for one in records(whole) if one.id == "north 2024-01-28")
    (end,) = ends(whole, written(tmp_path, *days(1, 28), *days(29, 30, ahead=True)))
    assert (end.series, end.time, end.where) == ("north", "2024-01-28", "my.csv line 29")
    assert end.times["next"] == ("2024-01-29", "2024-01-30")
    assert end.values.keys() == {"past", "past_times", "known"}
    for name, value in end.values.items():
        assert np.array_equal(value, window.values[name])  # type: ignore[arg-type]


def test_every_series_of_a_file_has_its_own_end(tmp_path: Path) -> None:
    whole = written(tmp_path, *days(1, 31), name="whole.csv")
    now = written(tmp_path, *days(9, 12), *days(9, 14, shop="south"), *days(13, 16, ahead=True), row(15, "south"),
                  *days(16, 17, shop="south", ahead=True))  # fmt: skip
    assert [(one.series, one.time, one.times["next"][0]) for one in ends(whole, now)] == [
        ("north", "2024-01-12", "2024-01-13"),
        ("south", "2024-01-15", "2024-01-16"),
    ]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            days(1, 28),
            "ends at my.csv line 29, and the model reads what weekend will be in the next 2 steps; add 2 rows",
        ),
        ([*days(1, 28), row(29, ahead=True)], "add 1 rows"),
        (days(1, 3), "has 3 rows up to my.csv line 4, and the model reads the last 4; give more"),
        (days(1, 9, ahead=True), "no row of series 'north' has a number of sales, rain"),
        (
            [row(day) for day in (1, 3, 5, 7, 9)],
            "172800 apart in the median, and those of the training part were 86400",
        ),
    ],
)
def test_a_file_that_says_too_little_is_refused(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        ends(written(tmp_path, *days(1, 31), name="whole.csv"), written(tmp_path, *lines))


def test_a_class_is_said_of_the_step_that_it_was_learnt_at(tmp_path: Path) -> None:
    def file(last: int, more: tuple[str, ...] = ()) -> SeriesSettings:
        lines = ["time,y,mood", *(f"{time},{time % 4},{'ab'[time // 3 % 2]}" for time in range(last)), *more]
        (tmp_path / "own.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return SeriesSettings(
            files=(tmp_path / "own.csv",), covariates=("y",), classes=("mood",), ahead=1, context=3, horizon=1
        )

    declared = {field.name: field for field in fields(file(40))}
    (end,) = upcoming(file(30, ("30,,",)), declared)
    assert (end.time, end.times["outcome"]) == ("29", ("30",))


def following(times: list[str], step: float, count: int, zone: str = "") -> list[str]:
    """Times after some, as they are said."""
    reader = TimeReader("time", zone)
    numbers = [reader.read(time, "here") for time in times]
    return [reader.say(number) for number in reader.following(numbers, step, count)]


@pytest.mark.parametrize(
    ("times", "step", "expected"),
    [
        (["1", "2", "4"], 1.5, ["5.5", "7"]),
        (["2024-02-27", "2024-02-28"], 86400.0, ["2024-02-29", "2024-03-01"]),
        (["2024-02-28T22:00", "2024-02-28T23:00"], 3600.0, ["2024-02-29", "2024-02-29T01:00:00"]),
        (["2023-11-01", "2023-12-01"], 2592000.0, ["2024-01-01", "2024-02-01"]),
        (["2023-12-31", "2024-01-31"], 2678400.0, ["2024-02-29", "2024-03-31"]),
        (["2023-07-15", "2023-10-15"], 7948800.0, ["2024-01-15", "2024-04-15"]),
        (["2022-01-01", "2023-01-01"], 31536000.0, ["2024-01-01", "2025-01-01"]),
        (["2024-01-15", "2024-02-16"], 2764800.0, ["2024-03-19", "2024-04-20"]),
        (["2024-02-28T00:00+01:00"], 86400.0, ["2024-02-28T23:00:00Z", "2024-02-29T23:00:00Z"]),
    ],
)
def test_times_go_on_by_steps_or_by_calendar_months(times: list[str], step: float, expected: list[str]) -> None:
    assert following(times, step, 2) == expected


def test_days_of_a_zone_begin_at_its_midnight_across_a_change_of_clocks() -> None:
    said = following(["2024-03-29", "2024-03-30"], 86400.0, 2, "Europe/Berlin")
    assert said == ["2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"]
