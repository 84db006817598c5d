"""From the command line to the report, as a user meets it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest
from click.testing import CliRunner

import redheart
from redheart.analysis_json import schema
from redheart_cli.main import cli
from redheart_core.models.calibration import ANSWERS_FILE
from redheart_series.dataset import records
from redheart_series.settings import SeriesSettings

if TYPE_CHECKING:
    from redheart_server.state import State


@pytest.mark.slow
def test_a_run_on_the_sample_of_series_is_trained_chosen_assembled_and_evaluated(tmp_path: Path) -> None:
    small = ("--set", "series.context=8", "--set", "series.horizon=3", "--set", "series.stride=4", "--scale", "tiny")
    nodes = ("--disable", "all", "--enable", "sequence_forecast", "--enable", "sequence_class", "--epochs", "2")
    found = CliRunner().invoke(cli, ("run", "--data", "series", "-o", str(tmp_path / "run"), *small, *nodes))
    assert found.exit_code == 0, found.output
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    tables = evaluation["value"]["tables"] if "value" in evaluation else evaluation["tables"]
    errors = {one["metric"]: one["figures"]["crossover"]["value"] for one in tables}
    line, whole = (errors[f"{name}.root_mean_squared_error"] for name in ("series_ridge", "sequence_forecast"))
    assert whole <= 1.02 * line
    assert 0.0 <= errors["sequence_forecast.coverage_gap"] < 0.8
    assert errors["sequence_forecast.weighted_quantile_loss"] > 0.0
    # quantiles are evaluated against the field, and are no answer of the model on it
    answers = (tmp_path / "run" / "model" / ANSWERS_FILE).read_text(encoding="utf-8")
    assert "sequence_forecast" in answers
    assert "next_quantiles" not in answers
    assert "sequence_forecast: learning rate 0.01, its own" in found.output
    coverage = re.search(r"intervals of next \((\w+), (.*)\) are to hold 90% and hold ([0-9.]+)% of", found.output)
    assert coverage is not None
    assert 50.0 < float(coverage[3]) <= 100.0
    assert f"({coverage[1]}, {coverage[2]}) are to hold 90% and hold {coverage[3]}%" in page(tmp_path / "run")
    model = redheart.load(tmp_path / "run" / "model")
    given = _record_of_test()
    _forecast_has_the_interval_of_its_quantiles(model, given)
    verified = CliRunner().invoke(cli, ("models", "verify", str(model.folder)))
    assert (verified.exit_code, "answers on a record of fields (next" in verified.output) == (0, True)
    _server_gives_what_the_library_says(model, given)


def page(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def _record_of_test() -> Mapping[str, Any]:
    settings = SeriesSettings(context=8, horizon=3, stride=4)
    record = next(one for one in records(settings) if one.split == "test")
    labels = {"past": ("sales", "rain", "weekend"), "past_times": (), "known": ("weekend",)}
    return {name: [named(own, row) for row in record.values[name].tolist()] for name, own in labels.items()}  # type: ignore[attr-defined]


def _server_gives_what_the_library_says(model: redheart.Model, given: Mapping[str, Any]) -> None:
    pytest.importorskip("fastapi", reason="needs redheart[serve]")
    from served_models import asked, loaded

    async def ask(client: httpx.AsyncClient, _: State) -> list[httpx.Response]:
        bodies: list[Any] = [given, {"texts": [given, {**given, "text": "some words"}]}, {"text": "some words"}]
        return [await client.post("/v1/analyze", json=body) for body in bodies]

    one, several, refused = asked(loaded(model.folder), ask)
    asked_here = json.loads(json.dumps(model.analyze(given).to_json()))
    assert forecast(one.json()) == pytest.approx(forecast(asked_here))
    assert one.json().keys() == asked_here.keys()
    assert forecast(several.json()["analyses"][0]) == pytest.approx(forecast(asked_here))
    assert "trained on records without texts" in several.json()["analyses"][1]["refused"]
    assert (refused.status_code, "give a record with known, past, past_times" in refused.text) == (422, True)


def _forecast_has_the_interval_of_its_quantiles(model: redheart.Model, given: Mapping[str, Any]) -> None:
    found = model.analyze(given)
    jsonschema.Draft202012Validator(schema()).validate(json.loads(json.dumps(found.to_json())))
    (said,) = (one for one in found.findings if (one.plugin, one.output) == ("sequence_forecast", "next"))
    assert said.outer is not None
    assert not [one for one in found.findings if one.output == "next_quantiles"]
    answer = next(one for one in found.answers if one.field == "next")
    source = model.assembled.calibration.of(answer.finding.plugin, "next", "next")  # type: ignore[union-attr]
    assert source is not None
    for place, value in enumerate(answer.values):
        cell = source.all_languages.cells[place]
        assert value.low is not None
        if cell.margin is None:
            assert cell.limit is not None
            assert value.low == pytest.approx(value.value - cell.limit)
        else:
            assert answer.finding.outer is not None
            assert value.low == pytest.approx(answer.finding.outer[0][place] - cell.margin)


def forecast(analysis: Mapping[str, Any]) -> list[float]:
    """Values and intervals of the answer on `next`."""
    (answer,) = (one for one in analysis["answers"] if one["field"] == "next")
    return [number for value in answer["values"] for number in (value["low"], value["value"], value["high"])]


def named(labels: Sequence[str], row: Any) -> Any:
    """A step as in JSON."""
    if not labels:
        return row
    return {label: None if math.isnan(number) else number for label, number in zip(labels, row, strict=True)}
