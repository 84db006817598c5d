"""The data set from the command line to the report, as a user meets it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

import redheart
from redheart_cli.main import cli
from redheart_core import DataError
from redheart_series.dataset import records
from redheart_series.settings import SeriesSettings

SMALL = ("--set", "series.context=8", "--set", "series.horizon=3", "--set", "series.stride=3")
NODES = ("--disable", "all", "--enable", "series_naive", "--enable", "series_ridge")


def command(*arguments: str, code: int = 0) -> str:
    """What a command prints."""
    found = CliRunner().invoke(cli, arguments)
    assert found.exit_code == code, found.output
    return found.output


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a finished run on the sample, and what it printed."""
    folder = tmp_path_factory.mktemp("series") / "run"
    return folder, command("run", "--data", "series", "-o", str(folder), *SMALL, *NODES)


@pytest.mark.slow
def test_a_run_on_the_sample_beats_the_last_value_and_names_the_units(run: tuple[Path, str]) -> None:
    folder, said = run
    assert "series_ridge.mase" in said
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    tables = evaluation["value"]["tables"] if "value" in evaluation else evaluation["tables"]
    errors = {one["metric"]: one["figures"]["crossover"]["value"] for one in tables}
    assert errors["series_ridge.mean_absolute_error"] < errors["series_naive.mean_absolute_error"]
    assert "linear" not in tables[0]["figures"]
    assert "none; modules read fields alone" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_model_of_series_forecasts_records_and_refuses_texts(run: tuple[Path, str]) -> None:
    folder, _ = run
    model = redheart.load(folder / "model")
    with pytest.raises(DataError, match="trained on records without texts and answers none; give a record with known"):
        model.analyze("What will the sales be?")
    settings = SeriesSettings(context=8, horizon=3, stride=3)
    record = next(one for one in records(settings) if one.split == "test")
    names = {"past": ("sales", "rain", "weekend"), "known": ("weekend",)}
    given = {
        field: [
            {name: None if math.isnan(number) else number for name, number in zip(labels, row, strict=True)}
            for row in record.values[field].tolist()  # type: ignore[attr-defined]
        ]
        for field, labels in names.items()
    }
    answer = next(one for one in model.analyze(given).answers if one.field == "next")
    assert [value.label for value in answer.values] == ["1.sales", "2.sales", "3.sales"]
    last = max(number["sales"] or 0.0 for number in given["past"])
    assert all(abs(value.value - last) < 15.0 for value in answer.values)


@pytest.mark.slow
def test_a_node_that_reads_the_text_is_refused_by_name(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    said = command("data", "prepare", "--data", "series", "-o", store, *SMALL)
    assert "no texts" in said
    options = ("train", "--data", "series", "-o", str(tmp_path / "run"), *SMALL)
    for more in ((), ("--disable", "all", "--enable", "linear")):
        said = command(*options, *more, code=1)
        assert "these plugins read the text:" in said
        assert "linear (terms, embedding)" in said
        assert "--disable all" in said


@pytest.mark.slow
def test_a_model_of_the_sample_says_what_comes_behind_it(run: tuple[Path, str]) -> None:
    folder = run[0] / "model"
    said = command("forecast", str(folder)).splitlines()
    assert said[0].split() == ["series", "time", "column", "value", "low", "high"]
    assert [line.split()[:3] for line in said[1:4]] == [
        ["north", day, "sales"] for day in ("2024-02-26", "2024-02-27", "2024-02-28")
    ]
    assert "hold what comes in 90% of windows" in said[-1]
    found = redheart.load(folder).forecast()
    assert [one.series for one in found] == ["north", "south", "west"]
    for one in found:
        answer = {value.label: value for value in one.analysis.answer("next").values}
        for step, point in enumerate(one.points, 1):
            same = answer[f"{step}.sales"]
            assert (point.value, point.low, point.high) == (same.value, same.low, same.high)
            assert point.low is not None
            assert point.high is not None
            assert point.low < point.value < point.high


@pytest.mark.slow
def test_a_forecast_as_a_table_has_every_digit(run: tuple[Path, str], tmp_path: Path) -> None:
    folder, table = run[0] / "model", tmp_path / "forecast.csv"
    assert "9 numbers of 3 series" in command("forecast", str(folder), "-o", str(table))
    points = [point for one in json.loads(command("forecast", str(folder), "--json")) for point in one["points"]]
    lines = [line.split(",") for line in table.read_text(encoding="utf-8").splitlines()[1:]]
    assert [tuple(map(float, line[3:])) for line in lines] == [(p["value"], p["low"], p["high"]) for p in points]
    said = command("forecast", str(folder), "sales.csv", code=1)
    assert "was trained on the sample of 'series' and forecasts that alone" in said
    assert "written as .csv" in command("forecast", str(folder), "-o", "forecast.txt", code=1)
