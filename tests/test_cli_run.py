"""The commands of the main job."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from front_door import GROUPS, SMALL, Finished, hashes, redheart, refuse, succeed
from sealed_files import contents

from redheart_core.data.store import Store


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_run_prints_one_document_that_names_what_it_made(finished: Finished) -> None:
    document = finished.answer.json()
    assert set(document) == {"run", "model", "report", "sweetspot", "evaluation", "text", "analysis"}
    beside = finished.folder.parent
    assert (beside / document["run"] / "run.json").is_file()
    assert (beside / document["model"] / "manifest.json").is_file()
    assert (beside / document["report"]).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [choice["group"] for choice in document["sweetspot"]["groups"]] == list(GROUPS)
    assert document["evaluation"] == contents(finished.folder / "evaluation.json")
    assert document["evaluation"]["test_reads"] == 1
    store = Store.open(finished.store)
    assert document["text"] == store.text(int(store.rows("validation")[0]))
    calibrated = document["evaluation"]["calibrated"]
    assert {task["field"] for task in calibrated} >= {"emotion", "regret"}
    assert {task["language"] for task in calibrated} == {"en", "ko"}
    cells = [cell for task in calibrated for cell in task["cells"]]
    expected = sum(cell["chance"] for cell in cells)
    outside = [cell for cell in cells if not cell["least"] <= cell["held"] <= cell["most"]]
    assert len(outside) <= expected + 3 * expected**0.5
    assert {finding["plugin"] for finding in document["analysis"]["findings"]} == {
        "emotion_head",
        "regret_head",
        "neural_regret",
        "neural_surd",
    }


def test_switches_and_settings_of_the_command_line_act(finished: Finished) -> None:
    run = read(finished.folder / "run.json")
    assert set(run["nodes"]) == {"backbone", "emotion_head", "regret_head", "neural_regret", "neural_surd"}
    assert (run["training"]["scale"], run["training"]["epochs"], run["training"]["threads"]) == ("tiny", 3, 1)
    index = read(finished.store / "index.json")
    assert (index["dataset_settings"]["english"], index["dataset_settings"]["korean"]) == (120, 60)
    assert [part["width"] for part in index["encoder"]["parts"]] == [48]


def test_the_same_command_again_does_nothing_twice(finished: Finished, tmp_path: Path) -> None:
    folder = finished.copy(tmp_path)
    kept = [path for part in ("groups", "model", "store") for path in (folder / part).rglob("*") if path.is_file()]
    before = [(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in kept]
    again = succeed("run", "-o", "run", *SMALL, "--json", cwd=tmp_path)
    assert [(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in kept] == before
    assert again.json() == finished.answer.json()
    assert len((folder / "test_reads.jsonl").read_text().splitlines()) == 1
    assert "epoch 1/3" in finished.answer.err
    assert "epoch" not in again.err.replace("3 epochs in", "")


def test_other_settings_for_the_same_run_are_refused_with_every_difference(finished: Finished) -> None:
    before = hashes(finished.folder)
    other = [part.replace("training.threads=1", "training.weight_decay=0.5") for part in SMALL]
    refuse(
        "run", "-o", "run", *other, "--seed", "5", cwd=finished.folder.parent,
        says=["begun otherwise", "seed was 0, is 5", "weight_decay was 0.01, is 0.5", "another"],
    )  # fmt: skip
    assert hashes(finished.folder) == before


def test_progress_without_a_terminal_is_lines_without_escape_codes(finished: Finished) -> None:
    lines = finished.answer.err.splitlines()
    assert [line for line in lines if re.match(r"neural_surd: epoch [123]/3, train \d\.\d+, validation \d", line)]
    assert "training finished; stopped groups: none" in lines
    assert not [line for line in lines if line.endswith(" of 0")], (
        "how many records there are is not known while reading"
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", finished.answer.err + finished.answer.out)


def test_sweetspot_gives_the_epoch_of_the_lowest_loss_of_each_group(finished: Finished) -> None:
    found = succeed("sweetspot", finished.folder, "--json", cwd=finished.folder).json()
    for choice in found["groups"]:
        manifest = read(finished.folder / "groups" / choice["group"] / "manifest.json")
        losses = {entry["validation_loss"]: entry["epoch"] for entry in manifest["epochs"]}
        assert choice["best"]["epoch"] == losses[min(losses)]
        assert found["chosen"][choice["group"]] == choice["best"]["epoch"]
        assert choice["interval"]["low"] <= choice["best"]["epoch"] <= choice["interval"]["high"]
        assert set(choice["common_cost"]) == {"apparent", "corrected"}
    assert found["rule"] == "best"
    table = succeed("sweetspot", finished.folder, cwd=finished.folder).out
    assert table.splitlines()[0].split()[:3] == ["group", "best", "epoch"]
    for choice in found["groups"]:
        assert f"{choice['group']}: 3 epochs on disk; best of the resamples" in table
        assert f"abstains: {choice['detections']['plateau']['reason']}" in table
    assert "corrected for having chosen on validation" in table


def test_sweetspot_by_a_rule_that_abstains_is_an_error_and_changes_no_choice(finished: Finished) -> None:
    found = succeed("sweetspot", finished.folder, "--rule", "one_se", "--json", cwd=finished.folder).json()
    assert found["chosen"] == {choice["group"]: choice["one_se"]["epoch"] for choice in found["groups"]}
    before = hashes(finished.folder)
    refuse(
        "sweetspot", finished.folder, "--rule", "plateau", cwd=finished.folder,
        says=["'plateau' names no epoch for some groups", *(f"{group}: no 5 epochs in a row" for group in GROUPS)],
    )  # fmt: skip
    assert hashes(finished.folder) == before


def test_crossover_assembles_other_choices_and_reproduces_their_losses(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    choices = {choice["group"]: choice for choice in finished.answer.json()["sweetspot"]["groups"]}
    assembled = succeed(
        "crossover", "run", "-o", "second", "--rule", "one_se", "--epoch", "neural_surd=1", "--json", cwd=tmp_path
    ).json()  # fmt: skip
    assert assembled["model"] == "second"
    expected = {name: str(choice["one_se"]["epoch"]) for name, choice in choices.items()} | {"neural_surd": "1"}
    assert {check["group"]: check["epoch"] for check in assembled["groups"]} == expected
    for check in assembled["groups"]:
        (entry,) = [
            entry
            for entry in read(run / "groups" / check["group"] / "manifest.json")["epochs"]
            if str(entry["epoch"]) == check["epoch"]
        ]
        assert check["recorded"] == check["assembled"] == entry["validation_loss"]
        source = run / "groups" / check["group"] / entry["file"]
        assert source.samefile(tmp_path / "second" / "groups" / f"{check['group']}.safetensors")
    lines = succeed("crossover", "run", "-o", "third", cwd=tmp_path).out.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["yes"] * 3
    assert all(line.split()[2] == line.split()[3] for line in lines[1:4])


def test_a_model_folder_that_exists_is_left_alone(finished: Finished) -> None:
    before = hashes(finished.model)
    refuse("crossover", "run", cwd=finished.folder.parent, says=["run/model exists", "choose another folder"])
    assert hashes(finished.model) == before


@pytest.mark.parametrize(
    ("epoch", "code", "says"),
    [
        ("nobody=1", 1, "there is no group 'nobody' in the run (groups: backbone, neural_regret, neural_surd)"),
        ("backbone=x", 2, "--epoch expects GROUP=N"),
        ("backbone=99", 1, "epoch 99 of group 'backbone' is not on disk (there are: 1, 2, 3)"),
    ],
)
def test_an_epoch_that_is_not_there_is_refused(
    finished: Finished, tmp_path: Path, epoch: str, code: int, says: str
) -> None:
    refuse("crossover", finished.folder, "-o", "no", "--epoch", epoch, cwd=tmp_path, says=[says], code=code)
    assert list(tmp_path.iterdir()) == []


def test_evaluate_counts_each_reading_of_the_test_split(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    result = succeed("evaluate", "run/model", "--json", cwd=tmp_path).json()
    assert result.pop("test_reads") == 2
    first = finished.answer.json()["evaluation"]
    assert {name: first[name] for name in result} == result
    assert len((run / "test_reads.jsonl").read_text().splitlines()) == 2


def test_report_writes_the_page_where_the_option_says(finished: Finished, tmp_path: Path) -> None:
    answer = succeed("report", finished.folder, "-o", "page.html", cwd=tmp_path)
    assert answer.out == "report: page.html\n"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(name in page for name in GROUPS)
    assert not re.search(r"""(src|href)=["']https?:""", page)


def test_audit_accounts_for_every_parameter(finished: Finished) -> None:
    beside = finished.folder.parent
    accounts = succeed("audit", "-o", "run", *SMALL, "--json", cwd=beside).json()
    assert {account["state"] for account in accounts} == {"trained"}
    assert {account["group"] for account in accounts} == set(GROUPS)
    elements = sum(account["elements"] for account in accounts)
    stored = 0
    for group in GROUPS:
        weights = (finished.folder / "groups" / group / "epoch-0003.safetensors").read_bytes()
        header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
        spans = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
        stored += sum(end - start for start, end in spans) // 4
    assert elements == stored
    lines = succeed("audit", "-o", "run", *SMALL, cwd=beside).out.splitlines()
    head, *table = [re.split(r" {2,}", line) for line in lines]
    numbers = len(head) - head.index("tensors")
    rows = [[int(cell) for cell in row[-numbers:]] for row in table]
    total = [sum(column) for column in zip(*rows[:-1], strict=True)]
    assert total == rows[-1]
    named = dict(zip(head[-numbers:], total, strict=True))
    assert named["elements"] == named["in optimizer"] == named["with gradient"] == elements


def test_data_prepare_opens_a_finished_store(finished: Finished) -> None:
    before = hashes(finished.store)
    data = [part for part in SMALL if part not in ("--scale", "tiny", "--epochs", "3")]
    answer = succeed("data", "prepare", "-o", "run/store", *data, "--json", cwd=finished.folder.parent).json()
    assert answer["store"] == "run/store"
    assert sum(answer["index"]["counts"][name] for name in ("train", "validation", "calibration", "test")) <= 180
    assert hashes(finished.store) == before


def test_commands_without_their_run_say_where_to_get_one(tmp_path: Path) -> None:
    for command in (("sweetspot", "none"), ("crossover", "none"), ("report", "none"), ("train", "--resume")):
        refuse(*command, cwd=tmp_path, says=["holds no run", "redheart train -o"])
    refuse("analyze", "none", "a text", cwd=tmp_path, says=["none holds no model", "redheart crossover RUN -o none"])
    assert redheart("run", "--scale", "huge", cwd=tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []
