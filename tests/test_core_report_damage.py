"""A report of what is missing or damaged is refused, and the place is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redheart_core import CheckpointError, StoreError
from redheart_core.files import FileError
from redheart_core.report import write_report


def test_no_run_is_an_error_that_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no run \(no run\.json\); start one with redheart train"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def damage(made: Any, file: str, change: Callable[[Any], None]) -> None:
    table = json.loads((made.path / file).read_text())
    change(table)
    (made.path / file).write_text(json.dumps(table))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("run.json", lambda t: t.pop("training"), r"run\.json is damaged: it lacks 'training'"),
        ("run.json", lambda t: t.update(format=2), r"run\.json is not a run of format 2"),
        ("run.json", lambda t: t["data"]["splits"].update(test="many"), r"splits: test is damaged: expects an integer"),
        (
            "groups/backbone/manifest.json",
            lambda t: t["epochs"][2].update(validation_loss=float("nan")),
            r"epochs\[2\]: validation_loss is damaged: expects a finite number, got float nan",
        ),
        ("groups/backbone/manifest.json", lambda t: t.update(format=9), r"manifest\.json is not of format 2"),
        (
            "groups/backbone/manifest.json",
            lambda t: t["epochs"][0]["metrics"].clear(),
            r"epochs have different metrics",
        ),
        ("sweetspot.json", lambda t: t["groups"][0]["one_se"].update(sha256="0"), r"run redheart sweetspot again"),
        ("sweetspot.json", lambda t: t["groups"][0].update(best=t["groups"][0]["one_se"]), r"by now epoch \d of"),
        ("sweetspot.json", lambda t: t["groups"].append({"group": "gone"}), r"lacks 'best'"),
        ("evaluation.json", lambda t: t["tables"][0]["figures"].pop("swa"), r"figures is damaged: it lacks 'swa'"),
        ("evaluation.json", lambda t: t["tables"][0].update(group="gone"), r"a group that the run does not have: gone"),
        ("audit.json", lambda t: t[0].update(elements=True), r"elements is damaged: expects an integer, got bool True"),
        ("model/manifest.json", lambda t: t["groups"]["backbone"].update(sha256="0"), r"is not a model of this run"),
    ],
)
def test_a_damaged_part_is_an_error_that_names_the_place(
    made: Any, tmp_path: Path, file: str, change: Callable[[Any], None], message: str
) -> None:
    damage(made, file, change)
    with pytest.raises(CheckpointError, match=message):
        write_report(made.path, tmp_path / "report.html", made.model)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("file", ["run.json", "groups/backbone/manifest.json", "sweetspot.json", "events.jsonl"])
def test_a_file_cut_short_is_an_error_that_names_it(made: Any, tmp_path: Path, file: str) -> None:
    text = (made.path / file).read_text()
    (made.path / file).write_text(text[: len(text) - 40])
    with pytest.raises(CheckpointError, match=rf"{Path(file).name} is damaged"):
        write_report(made.path, tmp_path / "report.html")


def test_a_store_of_other_data_is_refused(made: Any, tmp_path: Path) -> None:
    damage(made, "store/index.json", lambda table: table.update(fingerprint="f" * 64))
    with pytest.raises(StoreError, match="holds other data than the run was trained on"):
        write_report(made.path, tmp_path / "report.html")


def test_a_folder_without_a_model_is_refused(made: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no model"):
        write_report(made.path, tmp_path / "report.html", tmp_path)


def test_a_report_that_cannot_be_made_leaves_the_old_one(made: Any, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    output.write_text("old")
    damage(made, "run.json", lambda table: table.pop("nodes"))
    with pytest.raises(CheckpointError, match="lacks 'nodes'"):
        write_report(made.path, output)
    assert output.read_text() == "old"


def test_a_folder_that_is_not_there_is_an_error(made: Any, tmp_path: Path) -> None:
    output = tmp_path / "gone" / "report.html"
    with pytest.raises(FileError, match="make the folder first"):
        write_report(made.path, output)
