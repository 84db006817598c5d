"""A report of what is missing or damaged is refused, and the place is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sealed_files import change, write_lines

from redheart_core import CheckpointError, RedheartError, StoreError
from redheart_core.report.page import write_report
from redheart_core.storage.files import FileError


def test_no_run_is_an_error_that_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no run \(no run\.json\); start one with redheart train"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        ("run.json", lambda t: t.pop("training"), r"run\.json does not hold what it has to: training: missing"),
        ("run.json", lambda t: t.update(format=9), r"run\.json is text 'run' of format 9"),
        ("run.json", lambda t: t["data"]["splits"].update(test="many"), r"data\.splits\['test'\]: expects an integer"),
        ("run.json", lambda t: t["training"].update(epochs=-1), r"run\.json .*training: 'epochs' must be >= 0"),
        ("run.json", lambda t: t["groups"]["backbone"]["settings"].update(ema=2.0), r"groups\['backbone'\]\.settings"),
        ("groups/backbone/manifest.json", lambda t: t["epochs"][0]["metrics"].clear(), r"have different metrics"),
        ("groups/backbone/manifest.json", lambda t: t["epochs"][0].update(file="../x"), r"epochs\[0\].*epoch-0007"),
        (
            "groups/backbone/manifest.json",
            lambda t: t["averages"][1]["gradient"].update(mean=None),
            r"averages\[1\]\.gradient\['mean'\]: expects a finite number, got nothing",
        ),
        ("sweetspot.json", lambda t: t["groups"][0]["one_se"].update(sha256="0"), r"run redheart sweetspot again"),
        ("sweetspot.json", lambda t: t["groups"][0].update(best=t["groups"][0]["one_se"]), r"by now epoch \d of"),
        ("sweetspot.json", lambda t: t["groups"][0].pop("interval"), r"groups\[0\]\.interval: missing"),
        ("evaluation.json", lambda t: t["tables"][0].update(group="gone"), r"groups that the run does not have: gone"),
        ("evaluation.json", lambda t: t["refits"]["swa"].update(backbone=[0.1]), r"expects a list of 2"),
        (
            "evaluation.json",
            lambda t: t["diagnostics"][0]["reliability"][3].update(count="many"),
            r"diagnostics\[0\]\.reliability\[3\]\.count: expects an integer",
        ),
        ("rivals.json", lambda t: t["table"]["backbone"]["selection"].update(loss=9.0), r"RUN --compare again"),
        ("rivals.json", lambda t: t["table"].update(gone=t["table"]["backbone"]), r"of 'gone'"),
        ("rivals.json", lambda t: t["table"]["backbone"]["swa"].pop("error"), r"\['swa'\]\.error: missing"),
        ("sweep.json", lambda t: t.update(format=9), r"sweep\.json is text 'sweep' of format 9"),
        ("sweep.json", lambda t: t["groups"][0]["rates"][0].pop("mean"), r"groups\[0\]\.rates\[0\]\.mean: missing"),
        ("inspection.json", lambda t: t.update(fingerprint="0"), r"is of other data than the run was trained on"),
        ("inspection.json", lambda t: t["fields"][0].pop("noise"), r"fields\[0\]\.noise: missing"),
        ("audit.json", lambda t: t["accounts"][0].update(elements=True), r"elements: expects an integer, got true"),
        (
            "model/manifest.json",
            lambda t: t["groups"]["backbone"]["files"][0].update(sha256="0"),
            r"is not a model of this run",
        ),
        ("model/manifest.json", lambda t: t.update(checks=[]), r"holds no exactness check of backbone"),
    ],
)
def test_a_damaged_part_is_an_error_that_names_the_place(
    made: Any, tmp_path: Path, file: str, edit: Callable[[Any], None], message: str
) -> None:
    change(made.path / file, edit)
    with pytest.raises(RedheartError, match=message):
        write_report(made.path, tmp_path / "report.html", made.model)
    assert not (tmp_path / "report.html").exists()


FILES = ("run", "groups/backbone/manifest", "sweetspot", "rivals", "sweep", "inspection", "evaluation")


@pytest.mark.parametrize("file", [*(f"{name}.json" for name in FILES)])
def test_a_file_cut_short_is_an_error_that_names_it(made: Any, tmp_path: Path, file: str) -> None:
    text = (made.path / file).read_text()
    (made.path / file).write_text(text[: len(text) - 30])
    with pytest.raises(CheckpointError, match=rf"{Path(file).name} is damaged"):
        write_report(made.path, tmp_path / "report.html")


def test_a_store_of_other_data_is_refused(made: Any, tmp_path: Path) -> None:
    change(made.path / "run.json", lambda table: table["data"].update(fingerprint="f" * 64))
    (made.path / "inspection.json").unlink()
    with pytest.raises(StoreError, match="holds other data than the run was trained on"):
        write_report(made.path, tmp_path / "report.html")


def test_a_folder_without_a_model_is_refused(made: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no model"):
        write_report(made.path, tmp_path / "report.html", tmp_path)


def test_a_report_that_cannot_be_made_leaves_the_old_one(made: Any, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    output.write_text("old")
    change(made.path / "run.json", lambda table: table.pop("nodes"))
    with pytest.raises(CheckpointError, match="nodes: missing"):
        write_report(made.path, output)
    assert output.read_text() == "old"


def test_a_folder_that_is_not_there_is_an_error(made: Any, tmp_path: Path) -> None:
    output = tmp_path / "gone" / "report.html"
    with pytest.raises(FileError, match="make the folder first"):
        write_report(made.path, output)


def test_a_reading_of_the_test_split_at_no_time_is_refused(made: Any, tmp_path: Path) -> None:
    write_lines(made.path / "test_reads.jsonl", [{"time": "noon"}])
    with pytest.raises(CheckpointError, match=r"test_reads\.jsonl line 1 is damaged: .*noon"):
        write_report(made.path, tmp_path / "report.html")
