"""redheart grow from the command line: what is printed, the run that goes on, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from front_door import Finished, refuse, succeed

from redheart_core.runs.run import RunFolder


@pytest.mark.slow
def test_a_grown_run_begins_at_the_answers_of_the_model(finished: Finished, tmp_path: Path) -> None:
    command = ("grow", finished.model, "--scale", "small", "-o", "larger", "--epochs", "1")
    found = succeed(*command, "--json", cwd=tmp_path).json()
    assert {one["group"] for one in found["groups"]} >= {"backbone", "neural_regret"}
    for one in found["groups"]:
        assert one["parameters"][1] > one["parameters"][0]
        assert one["difference"] < 1e-4
    refuse(*command, cwd=tmp_path, says=["exists already", "name another folder"])
    succeed("train", "--resume", "-o", "larger", cwd=tmp_path)
    for one in found["groups"]:
        manifest = RunFolder(tmp_path / "larger").group(one["group"]).read()
        assert [entry.epoch for entry in manifest.epochs] == [0, 1]
        assert manifest.epochs[0].validation_loss == pytest.approx(one["validation_loss"][0], rel=1e-5)


@pytest.mark.slow
def test_a_model_without_its_run_says_what_to_give(finished: Finished, tmp_path: Path) -> None:
    model = shutil.copytree(finished.model, tmp_path / "moved" / "model")
    refuse("grow", model, "--scale", "small", "-o", "larger", cwd=tmp_path, says=["the run of", "--run"])
    assert not (tmp_path / "larger").exists()
