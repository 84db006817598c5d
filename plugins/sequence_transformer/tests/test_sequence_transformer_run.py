"""From the command line to the report, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from redheart_cli.main import cli
from redheart_core.models.calibration import ANSWERS_FILE


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
