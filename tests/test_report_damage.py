"""A report of what is missing or damaged is refused, and the place is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redheart_core import CheckpointError, RedheartError, StoreError
from redheart_core.report.page import write_report
from redheart_core.storage.files import FileError


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
        ("run.json", lambda t: t.update(format=9), r"run\.json is not a run of format 2"),
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
        ("evaluation.json", lambda t: t["tables"][0]["gains"].pop("swa"), r"gains is damaged: it lacks 'swa'"),
        ("evaluation.json", lambda t: t["refits"]["swa"].update(backbone=[0.1]), r"expects two losses, got 1"),
        ("evaluation.json", lambda t: t["diagnostics"][0].update(metric="gone"), r"'gone', which is no main metric"),
        (
            "evaluation.json",
            lambda t: t["diagnostics"][0]["confusion"]["labels"].pop(),
            r"confusion is damaged: 6 labels need as many rows and columns",
        ),
        (
            "evaluation.json",
            lambda t: t["diagnostics"][0]["reliability"][3].update(count="many"),
            r"reliability\[3\]: count is damaged: expects an integer",
        ),
        (
            "sweetspot.json",
            lambda t: t["groups"][0]["detections"].pop("knee"),
            r"detections is damaged: it lacks 'knee'",
        ),
        ("sweetspot.json", lambda t: t["groups"][0].pop("interval"), r"groups\[0\] is damaged: it lacks 'interval'"),
        (
            "rivals.json",
            lambda t: t["groups"]["backbone"]["selection"].update(loss=9.0),
            r"crossover RUN --compare again",
        ),
        ("rivals.json", lambda t: t["groups"].update(gone=t["groups"]["backbone"]), r"of 'gone'"),
        ("rivals.json", lambda t: t["groups"]["backbone"]["swa"].pop("error"), r"swa is damaged: it lacks 'error'"),
        ("sweep.json", lambda t: t.update(format=9), r"sweep\.json is not a sweep of format 1"),
        ("sweep.json", lambda t: t["groups"][0]["rates"][0].pop("mean"), r"rates\[0\] is damaged: it lacks 'mean'"),
        ("inspection.json", lambda t: t.update(fingerprint="0"), r"is of other data than the run was trained on"),
        ("inspection.json", lambda t: t["fields"][0].pop("noise"), r"fields\[0\] is damaged: it lacks 'noise'"),
        (
            "groups/backbone/manifest.json",
            lambda t: t["averages"][1]["gradient"].update(mean=None),
            r"averages\[1\]: gradient: mean is damaged: expects a finite number",
        ),
        ("run.json", lambda t: t["training"].update(epochs=0), r"run\.json"),
        ("run.json", lambda t: t["groups"]["backbone"]["settings"].update(ema=2.0), r"run\.json: groups: backbone"),
        ("audit.json", lambda t: t[0].update(elements=True), r"elements is damaged: expects an integer, got bool True"),
        ("model/manifest.json", lambda t: t["groups"]["backbone"].update(sha256="0"), r"is not a model of this run"),
    ],
)
def test_a_damaged_part_is_an_error_that_names_the_place(
    made: Any, tmp_path: Path, file: str, change: Callable[[Any], None], message: str
) -> None:
    damage(made, file, change)
    with pytest.raises(RedheartError, match=message):
        write_report(made.path, tmp_path / "report.html", made.model)
    assert not (tmp_path / "report.html").exists()


FILES = ("run", "groups/backbone/manifest", "sweetspot", "rivals", "sweep", "inspection", "evaluation")


@pytest.mark.parametrize("file", [*(f"{name}.json" for name in FILES), "events.jsonl", "test_reads.jsonl"])
def test_a_file_cut_short_is_an_error_that_names_it(made: Any, tmp_path: Path, file: str) -> None:
    text = (made.path / file).read_text()
    (made.path / file).write_text(text[: len(text) - 30])
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


def test_a_reading_of_the_test_split_at_no_time_is_refused(made: Any, tmp_path: Path) -> None:
    (made.path / "test_reads.jsonl").write_text('{"time": "noon"}\n')
    with pytest.raises(CheckpointError, match=r"test_reads\.jsonl line 1 is damaged: .*noon"):
        write_report(made.path, tmp_path / "report.html")
