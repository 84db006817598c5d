"""redheart export from the command line: what is compared, what is printed, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from front_door import Finished, refuse, succeed

pytest.importorskip("onnxscript", reason="needs redheart[export]")
TEXT = "I told my neighbour the truth about the fence, and now he avoids me."


@pytest.mark.thorough
def test_an_exported_model_is_compared_on_its_run_and_answers(finished: Finished, tmp_path: Path) -> None:
    command = ("export", finished.model, "-o", "onnx", "--allow-partial", "--json")
    answer = succeed(*command, cwd=tmp_path)
    found = answer.json()
    assert found["source"] == f"the validation records of {finished.folder.name}"
    assert found["texts"] > 0
    assert found["graphs"]
    assert max(one["maximum"] for one in found["differences"].values()) < 1e-4
    succeed("models", "verify", "onnx", cwd=tmp_path)
    exported, own = (succeed("analyze", model, TEXT, cwd=tmp_path).out for model in ("onnx", finished.model))
    assert exported == own
    for graph in (tmp_path / "onnx" / "groups").glob("*.onnx"):
        assert b".py" not in graph.read_bytes(), "it names files of the exporting machine"
    refuse("models", "pack", "onnx", "-o", "packed", cwd=tmp_path, says=["was exported; pack the model"])


@pytest.mark.thorough
def test_int8_prints_the_size_and_the_loss_of_each_group(finished: Finished, tmp_path: Path) -> None:
    answer = succeed("export", finished.model, "-o", "int8", "--allow-partial", "--int8", cwd=tmp_path)
    assert "validation loss, and the difference with its 95 % interval" in answer.out
    assert "float32 MB" in answer.out
    succeed("models", "verify", "int8", cwd=tmp_path)
    succeed("analyze", "int8", TEXT, cwd=tmp_path)


@pytest.mark.slow
def test_without_a_run_and_texts_an_export_says_what_to_give(finished: Finished, tmp_path: Path) -> None:
    model = shutil.copytree(finished.model, tmp_path / "moved" / "model")
    refuse("export", model, "-o", "onnx", cwd=tmp_path, says=["the run of", "--run"])
    both = ("export", model, "-o", "onnx", "--texts", "a.txt", "--run", "run")
    refuse(*both, cwd=tmp_path, says=["give one of --texts and --run"], code=2)
    assert not (tmp_path / "onnx").exists()
