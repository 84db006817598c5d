"""At the front door: an unfinished run is not assembled; a model of a part says so in every answer."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import attrs
import pytest
from front_door import SMALL, Finished, refuse, succeed
from own_process import started

import redheart
from redheart_core.runs.run import RunFolder


@pytest.fixture
def run(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished run without a model."""
    folder = finished.copy(tmp_path)
    shutil.rmtree(folder / "model")
    return folder


@pytest.mark.slow
def test_a_training_killed_after_the_first_epoch_gives_no_model_and_no_answer(
    finished: Finished, tmp_path: Path
) -> None:
    with started("train", "-o", "run", "--store", finished.store, *SMALL, cwd=tmp_path) as training:
        training.wait_until(lambda: any((tmp_path / "run").glob("groups/*/manifest.json")))
        training.send(signal.SIGKILL)
        assert training.wait().code == -signal.SIGKILL
    says = ["some groups of run are not finished", "redheart train --resume -o run", "epochs are done", "no manifest"]
    refuse("crossover", "run", cwd=tmp_path, says=says)
    refuse("crossover", "run", "--method", "swa", cwd=tmp_path, says=says)
    refuse("crossover", "run", "--partial", cwd=tmp_path, says=["no group is finished"])
    refuse("analyze", "run/model", "I sold the garden.", cwd=tmp_path, says=["holds no model"])
    assert not (tmp_path / "run" / "model").exists()


def test_a_group_without_its_manifest_is_named_and_nothing_is_assembled(run: Path, tmp_path: Path) -> None:
    (run / "groups" / "neural_regret" / "manifest.json").unlink()
    says = ["neural_regret: no manifest", "redheart train --resume -o", "--partial"]
    refuse("crossover", run, cwd=tmp_path, says=says)
    refuse("analyze", run / "model", "I sold the garden.", cwd=tmp_path, says=["holds no model"])
    assert not (run / "model").exists()


def test_a_model_of_a_part_is_evaluated_reported_and_says_what_is_missing(run: Path, tmp_path: Path) -> None:
    folder = RunFolder(run).group("neural_regret")
    folder.write(attrs.evolve(folder.read(), status="running", epochs=folder.read().epochs[:1]))
    refuse("crossover", run, cwd=tmp_path, says=["neural_regret: 1 of 3 epochs are done"])
    made = succeed("crossover", run, "--partial", "--json", cwd=tmp_path).json()
    assert made["missing"] == {"neural_regret": "1 of 3 epochs are done"}
    answer = succeed("analyze", run / "model", "I sold the garden.", "--json", cwd=tmp_path).json()
    assert answer["missing"] == made["missing"]
    assert answer["findings"]
    evaluation = succeed("evaluate", run / "model", "--json", cwd=tmp_path).json()
    assert evaluation["missing"] == made["missing"]
    assert {table["group"] for table in evaluation["tables"]} == {"backbone", "neural_surd"}
    model = redheart.load(run / "model")
    assert json.loads(json.dumps(model.evaluate(progress=False).to_json()))["missing"] == made["missing"]
    succeed("report", run, cwd=tmp_path)
    page = (run / "report.html").read_text()
    assert "it leaves out &#39;neural_regret&#39; (1 of 3 epochs are done)" in page
    assert "The test figures are of a model without &#39;neural_regret&#39;" in page
