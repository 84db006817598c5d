"""Files as series: what is read, and what is refused, by file, line and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redheart_core import DataError, Record
from redheart_core.storage.settings import read_table
from redheart_series.dataset import fields, records
from redheart_series.settings import SeriesSettings

ROWS = [(f"2024-01-{day:02d}", float(day * day % 7)) for day in range(1, 31)]


def series(path: Path, **changes: Any) -> SeriesSettings:
    """Small windows over one file."""
    table = {"targets": ("y",), "context": 3, "horizon": 2, "cuts": (0.4, 0.6, 0.8), **changes}
    return SeriesSettings(files=(path,), **table)


def csv(folder: Path, *lines: str) -> Path:
    """A file of these lines."""
    path = folder / "my.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def good(folder: Path, change: dict[int, str] | None = None) -> Path:
    """A file of 30 days, with some lines (from 1, the header) put in place of the usual ones."""
    lines = ["time,y", *(f"{day},{number}" for day, number in ROWS)]
    for number, line in (change or {}).items():
        lines[number - 1] = line
    return csv(folder, *lines)


def read(settings: SeriesSettings) -> list[Record]:
    return list(records(settings))


def test_a_window_holds_the_past_and_the_steps_ahead_in_units_of_the_file(tmp_path: Path) -> None:
    first = read(series(good(tmp_path)))[0]
    assert first.id == "2024-01-03"
    assert first.where == "my.csv line 4"
    assert first.values["past"].ravel().tolist() == [1.0, 4.0, 2.0]  # type: ignore[attr-defined]
    assert first.values["next"].ravel().tolist() == [2.0, 4.0]  # type: ignore[attr-defined]
    assert first.values["past_times"].tolist() == [-2.0, -1.0, 0.0]  # type: ignore[attr-defined]


def test_csv_json_lines_and_parquet_give_the_same_records(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    lines = tmp_path / "my.jsonl"
    lines.write_text("".join(json.dumps({"time": day, "y": number}) + "\n" for day, number in ROWS), encoding="utf-8")
    days, numbers = zip(*ROWS, strict=True)
    parquet.write_table(pyarrow.table({"time": days, "y": numbers}), tmp_path / "my.parquet")
    found = [read(series(path)) for path in (good(tmp_path), lines, tmp_path / "my.parquet")]
    assert found[0][0].values.keys() == {"past", "past_times", "next"}
    for some in found[1:]:
        for one, other in zip(found[0], some, strict=True):
            assert one.values.keys() == other.values.keys()
            for name, value in one.values.items():
                np.testing.assert_array_equal(np.asarray(value), np.asarray(other.values[name]))
            assert (one.id, one.split, one.cluster) == (other.id, other.split, other.cluster)


def test_irregular_steps_are_in_median_steps(tmp_path: Path) -> None:
    times = [10 * step + (5 if step % 5 == 0 else 0) for step in range(30)]
    path = csv(tmp_path, "time,y", *(f"{time},{time % 7}" for time in times))
    first = read(series(path))[0]
    assert first.values["past_times"].tolist() == [-1.5, -1.0, 0.0]  # type: ignore[attr-defined]


def test_a_missing_number_stays_missing(tmp_path: Path) -> None:
    first = read(series(good(tmp_path, {3: "2024-01-02,"})))[0]
    assert str(first.values["past"].ravel().tolist()) == "[1.0, nan, 2.0]"  # type: ignore[attr-defined]


def test_classes_and_quantities_are_of_the_last_step_or_of_one_ahead(tmp_path: Path) -> None:
    lines = (f"{step},{step % 5},{'ab'[step % 2]},{step}" for step in range(60))
    path = csv(tmp_path, "time,x,kind,amount", *lines)
    for ahead in (0, 2):
        settings = series(
            path, targets=(), covariates=("x",), classes=("kind",), quantities=("amount",), ahead=ahead, gap=1
        )
        first = read(settings)[0]
        last = 2 + ahead
        assert first.values["outcome"] == {"a": float(last % 2 == 0), "b": float(last % 2 == 1)}
        assert first.values["quantity"].tolist() == [last]  # type: ignore[attr-defined]
        assert {field.name for field in fields(settings)} == {"past", "past_times", "outcome", "quantity"}


def test_several_columns_of_0_and_1_are_labels_of_which_several_may_hold(tmp_path: Path) -> None:
    lines = (f"{step},{step % 5},{step % 2},{'' if step == 2 else 1}" for step in range(60))
    settings = series(csv(tmp_path, "time,x,odd,one", *lines), targets=(), covariates=("x",), classes=("odd", "one"))
    first = read(settings)[0]
    assert first.values["outcome"] == {"odd": 0.0, "one": None}
    assert next(field for field in fields(settings) if field.name == "outcome").binary


REFUSED = {
    "unsorted": (
        {5: "2024-01-01,3"},
        "my.csv line 5, column 'time': 2024-01-01 comes after 2024-01-03 .*sort the rows",
    ),
    "twice": ({5: "2024-01-03,3"}, "my.csv line 5, column 'time': 2024-01-03 comes twice, here and at my.csv line 4"),
    "mixed zones": ({5: "2024-01-04T00:00:00+01:00,3"}, "line 5.*with an offset, but my.csv line 2 has.*without"),
    "no time": ({5: "yesterday,3"}, "my.csv line 5, column 'time': no time: 'yesterday'; write it as 2024-03-31"),
    "missing time": ({5: ",3"}, "my.csv line 5, column 'time': the time is missing"),
    "text": ({5: "2024-01-04,three"}, "my.csv line 5, column 'y': not a number: 'three'; leave a missing one empty"),
    "infinite": ({5: "2024-01-04,inf"}, "my.csv line 5, column 'y': not a number: 'inf'"),
    "cells": ({5: "2024-01-04,3,4"}, "my.csv line 5: has 3 cells, the first line names 2 columns"),
    "column": ({1: "time,z"}, r"my.csv has no column 'y' \(columns: 'time', 'z'\); set the names"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_row_is_refused_with_file_line_and_column(case: str, tmp_path: Path) -> None:
    change, message = REFUSED[case]
    with pytest.raises(DataError, match=message):
        read(series(good(tmp_path, change)))


def test_all_bad_rows_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 rows cannot be used(.|\n)*line 5(.|\n)*line 9"):
        read(series(good(tmp_path, {5: "2024-01-04,a", 9: "2024-01-08,b"})))


def test_an_empty_file_and_one_of_a_header_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"my.csv is empty; its first line has to name the columns"):
        read(series(tmp_path / "my.csv"))
    with pytest.raises(DataError, match=r"my.csv holds no rows"):
        read(series(csv(tmp_path, "time,y")))
    with pytest.raises(DataError, match=r"no such file"):
        read(series(tmp_path / "other.csv"))
    with pytest.raises(DataError, match=r"expects a file that ends in .csv, .jsonl, .parquet"):
        read(series(tmp_path / "my.xlsx"))


def test_a_constant_series_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, "time,y", *(f"{day},3" for day, _ in ROWS))
    with pytest.raises(
        DataError, match=r"column 'y' is constant: 3 in all 12 rows of the training part.*leave the column"
    ):
        read(series(path))
    lines = (f"{step // 2},{'ab'[step % 2]},{5 if step % 2 else step % 7}" for step in range(80))
    with pytest.raises(DataError, match=r"column 'y' of series 'b' is constant: 5 in all .*leave the series out"):
        read(series(csv(tmp_path, "time,who,y", *lines), groups=("who",)))


def test_a_horizon_longer_than_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"the series has 30 rows .my.csv line 2 to my.csv line 31.*takes 43: context 3"
    ):
        read(series(good(tmp_path), horizon=40))
    with pytest.raises(DataError, match=r"no window in validation.*more than 9 steps behind the cut.*smaller horizon"):
        read(series(good(tmp_path), gap=9))


def test_a_clock_change_is_refused_where_the_zone_is_named(tmp_path: Path) -> None:
    hours = [f"2024-03-31T{hour:02d}:00:00" for hour in range(24)]
    path = csv(tmp_path, "time,y", *(f"{hour},{place % 5}" for place, hour in enumerate(hours)))
    assert len(read(series(path, cuts=(0.5, 0.7, 0.85), gap=0)))  # without a zone it is an hour like any other
    with pytest.raises(
        DataError, match=r"line 4, column 'time': 2024-03-31 02:00:00 is skipped when the clocks of Europe"
    ):
        read(series(path, zone="Europe/Berlin"))
    autumn = [hour.replace("03-31", "10-27") for hour in hours]
    path = csv(tmp_path, "time,y", *(f"{hour},{place % 5}" for place, hour in enumerate(autumn)))
    with pytest.raises(DataError, match=r"line 4.*2024-10-27 02:00:00 comes twice when the clocks"):
        read(series(path, zone="Europe/Berlin"))
    again = [*autumn[:3], autumn[2], *autumn[3:]]
    path = csv(tmp_path, "time,y", *(f"{hour},{place % 5}" for place, hour in enumerate(again)))
    with pytest.raises(DataError, match=r"comes twice.*local times that a clock change repeats need an offset"):
        read(series(path))
    with pytest.raises(DataError, match=r'series.zone = "Mars/Olympus" is no time zone'):
        read(series(path, zone="Mars/Olympus"))


def test_offsets_of_several_zones_are_one_time(tmp_path: Path) -> None:
    lines = [f"2024-03-31T{hour:02d}:00:00+0{1 + hour % 2}:00,{hour % 5}" for hour in range(24)]
    with pytest.raises(DataError, match=r"comes twice"):  # 00:00+01:00 and 01:00+02:00 are one moment
        read(series(csv(tmp_path, "time,y", *lines)))


def test_a_class_that_training_has_not_seen_is_refused(tmp_path: Path) -> None:
    lines = (f"{step},{step % 5},{'c' if step == 55 else 'ab'[step % 2]}" for step in range(60))
    settings = series(csv(tmp_path, "time,x,kind", *lines), targets=(), covariates=("x",), classes=("kind",))
    with pytest.raises(
        DataError, match=r"my.csv line 57, column 'kind': the class 'c' is in no row of the training part"
    ):
        read(settings)


def test_settings_that_say_nothing_or_too_much_are_refused(tmp_path: Path) -> None:
    path = good(tmp_path)
    with pytest.raises(DataError, match=r"names of columns and no file"):
        read(SeriesSettings(targets=("y",)))
    with pytest.raises(DataError, match=r"nothing to learn; name targets"):
        read(series(path, targets=()))
    with pytest.raises(DataError, match=r"column y more than one meaning"):
        read(series(path, covariates=("y",)))
    with pytest.raises(ValueError, match=r"must rise between 0 and 1"):
        read_table(SeriesSettings, {"cuts": [0.9, 0.8, 0.95]}, "[plugins.series]")
    with pytest.raises(DataError, match=r"they have to rise"):
        read(series(path, cuts=("2024-01-20", "2024-01-10", "2024-01-25")))
