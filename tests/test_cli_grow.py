"""redheart grow from the command line: what is printed, the run that goes on, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from front_door import Finished, redheart, refuse, succeed

from redheart_core.runs.run import RunFolder


@pytest.mark.slow
def test_a_grown_run_begins_at_the_answers_of_the_model(finished: Finished, tmp_path: Path) -> None:
    command = ("grow", finished.model, "--scale", "small", "-o", "larger", "--epochs", "1")
    found = succeed(*command, "--json", cwd=tmp_path).json()
    assert {one["group"] for one in found["groups"]} >= {"backbone", "neural_regret"}
    for one in found["groups"]:
        assert one["parameters"][1] > one["parameters"][0]
        assert one["difference"] < 1e-4
        assert one["kept"] == {}
    assert found["fitted"] == []
    refuse(*command, cwd=tmp_path, says=["exists already", "name another folder"])
    succeed("train", "--resume", "-o", "larger", cwd=tmp_path)
    for one in found["groups"]:
        manifest = RunFolder(tmp_path / "larger").group(one["group"]).read()
        assert [entry.epoch for entry in manifest.epochs] == [0, 1]
        assert manifest.epochs[0].validation_loss == pytest.approx(one["validation_loss"][0], rel=1e-5)
    assert succeed("verify", "larger", cwd=tmp_path).code == 0
    files = {path: path.read_bytes() for path in (tmp_path / "larger" / "groups").rglob("*.safetensors")}
    damaged = tmp_path / "larger" / "groups" / "neural_regret" / "epoch-0000.safetensors"
    damaged.write_bytes(b"damaged")
    succeed("repair", "larger", "--yes", cwd=tmp_path)
    succeed("train", "--resume", "-o", "larger", cwd=tmp_path)
    assert {path: path.read_bytes() for path in files} == files, "a group that begins again begins at the model"


@pytest.mark.slow
def test_a_model_that_has_that_size_already_makes_no_run(finished: Finished, tmp_path: Path) -> None:
    says = ["no group", "scale tiny", "neural_regret (it has this size already)", "name a larger scale"]
    refuse("grow", finished.model, "--scale", "tiny", "-o", "larger", cwd=tmp_path, says=says)
    assert not (tmp_path / "larger").exists()


@pytest.mark.slow
def test_damaged_weights_of_the_beginning_are_named_and_stop_their_group_alone(
    finished: Finished, tmp_path: Path
) -> None:
    succeed("grow", finished.model, "--scale", "small", "-o", "larger", "--epochs", "1", cwd=tmp_path)
    (tmp_path / "larger" / "starts" / "neural_regret.safetensors").write_bytes(b"damaged")
    refused = redheart("verify", "larger", cwd=tmp_path)
    assert refused.code == 1
    assert "starts/neural_regret.safetensors" in refused.out
    trained = redheart("train", "--resume", "-o", "larger", "--json", cwd=tmp_path)
    assert trained.code == 3
    assert "neural_regret.safetensors" in trained.json()["stopped"]["neural_regret"]
    assert len(RunFolder(tmp_path / "larger").group("backbone").read().epochs) == 2


@pytest.mark.slow
def test_a_model_without_its_run_says_what_to_give(finished: Finished, tmp_path: Path) -> None:
    model = shutil.copytree(finished.model, tmp_path / "moved" / "model")
    refuse("grow", model, "--scale", "small", "-o", "larger", cwd=tmp_path, says=["the run of", "--run"])
    assert not (tmp_path / "larger").exists()
