"""Fields that a data set declares itself, through the front door: trained, fused, evaluated, analyzed and shown."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
from front_door import refuse, succeed

PLUGINS = """active = ["csv", "lsa"]
[data]
dataset = "csv"
[training]
scale = "tiny"
epochs = 2
threads = 1
[plugins.lsa]
width = 8
min_chunks = 1
[plugins.csv]
path = "rows.csv"
[plugins.csv.fields.type]
columns = { water = "a", "분노" = "b", joy = "c" }
kind = "labels"
meaning = "what the ticket is about"
[plugins.csv.fields.delay]
column = "d"
low = -10
high = 60
unit = "workdays"
meaning = "how long the answer took"
"""
NODES = ("linear", "pooled", "mean_fusion", "stacking_fusion")
ENABLED = tuple(part for name in NODES for part in ("--enable", name))
WORDS = ("boat", "storm", "friend", "winter", "house", "letter", "anger", "market", "trip", "garden", "sold", "glad")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a table with two fields of its own; tests only look at it."""
    where = tmp_path_factory.mktemp("own_fields")
    (where / "plugins.toml").write_text(PLUGINS, encoding="utf-8")
    rows = []
    for number in range(160):
        words = random.Random(number).choices(WORDS, k=30)
        labels = [int(word in words) for word in ("boat", "anger", "glad")]
        delay = "" if number % 9 == 0 else 4 * words.count("storm") - 5
        rows.append([f"r{number}", f"{' '.join(words)} number {number}.", *labels, delay])
    with (where / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "text", "a", "b", "c", "d"], *rows])
    succeed("run", "--plugins", "plugins.toml", *ENABLED, "-o", "run", cwd=where)
    return where


def test_every_node_has_the_metrics_of_the_kinds_of_the_fields(folder: Path) -> None:
    evaluation = (folder / "run" / "evaluation.json").read_text(encoding="utf-8")
    for node in NODES:
        for metric in ("root_mean_squared_error", "type_macro_f1", "type_calibration_error"):
            assert f'"{node}.{metric}"' in evaluation


def test_of_groups_with_one_epoch_no_choice_is_printed(folder: Path) -> None:
    printed = succeed("sweetspot", "run", cwd=folder).out
    (line,) = [line for line in printed.splitlines() if line.startswith("one epoch, so that there is none to choose: ")]
    for name in ("linear", "mean_fusion", "stacking_fusion"):
        assert f"{name} (epoch 1, " in line
    tables = printed.split(line)[0]
    assert "pooled" in tables
    assert "linear" not in tables


def test_answers_are_in_the_field_s_own_range_and_labels_with_thresholds(folder: Path) -> None:
    text = "glad boat trip storm storm"
    found: list[dict[str, Any]] = succeed("analyze", "run/model", "--json", text, cwd=folder).json()["findings"]
    by_field = {(one["plugin"], one["field"]): one["values"] for one in found}
    assert by_field.keys() == {(node, field) for node in NODES for field in ("type", "delay")}
    for node in NODES:
        (delay,) = by_field[node, "delay"]
        assert delay["label"] == "delay"
        assert -10 <= delay["value"] <= 60
        assert [one["label"] for one in by_field[node, "type"]] == ["water", "분노", "joy"]
        assert all(0 <= one["threshold"] <= 1 and 0 <= one["value"] <= 1 for one in by_field[node, "type"])


def test_the_report_and_the_inspection_name_unit_meaning_and_labels(folder: Path) -> None:
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    for word in ("workdays", "how long the answer took", "what the ticket is about", "분노", "water"):
        assert word in page
    inspected = json.dumps(
        succeed("data", "inspect", "--store", "run/store", "--json", cwd=folder).json(), ensure_ascii=False
    )
    assert all(word in inspected for word in ("delay", "type", "분노"))


def test_info_shows_sizes_where_a_data_set_declares_fields_and_says_so_where_none_does(folder: Path) -> None:
    known = succeed("plugins", "info", "pooled", "--plugins", "plugins.toml", "--json", cwd=folder).json()
    assert [output["name"] for output in known["gives"]] == ["delay", "type", "type_logits"]
    assert known["scales"]["tiny"]["parameters"] > 0
    unknown = succeed("plugins", "info", "pooled", "--json", cwd=folder.parent).json()
    assert (unknown["gives"], unknown["scales"]) == ([], {})
    assert "no active data set declares a field that it learns" in unknown["note"]


def test_a_data_set_without_own_fields_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    text = PLUGINS.partition("[plugins.csv.fields.type]")[0] + '[plugins.csv.fields]\nregret = "a"\n'
    (tmp_path / "plugins.toml").write_text(text.replace("rows.csv", str(folder / "rows.csv")), encoding="utf-8")
    refuse(
        "train", "--plugins", "plugins.toml", "--enable", "pooled", "-o", "run", cwd=tmp_path,
        says=["plugin 'pooled' can learn none of the data set's fields (fields: regret)", "--disable"],
    )  # fmt: skip


def test_what_cannot_learn_is_named_with_the_options_that_leave_it_out(folder: Path, tmp_path: Path) -> None:
    out = [f"--disable {name}" for name in ("emotion_head", "bentham_head", "regret_head", "surd_head")]
    out += [f"--disable {name}" for name in ("neural_bentham", "neural_regret", "neural_surd")]
    says = [f"what this data set cannot train: {' '.join(out)} - plugin"]
    refuse("train", "--data", "everyday_en", "--encoder", "lsa", "-o", "run", cwd=tmp_path, says=says)
    says = ["nothing in group 'backbone' learns: backbone has parameters", "--disable backbone"]
    given = ("train", "--plugins", folder / "plugins.toml", "--enable", "backbone", "-o", tmp_path / "run")
    refuse(*given, cwd=folder, says=says)


def test_a_store_of_other_declarations_is_not_taken(folder: Path) -> None:
    (folder / "changed.toml").write_text(PLUGINS.replace("workdays", "hours"), encoding="utf-8")
    says = ["fields.delay.unit is 'workdays' there, 'hours' here"]
    refuse("data", "prepare", "--plugins", "changed.toml", "-o", "run/store", cwd=folder, says=says)


def test_a_data_set_and_an_encoder_that_alone_are_active_need_no_naming(tmp_path: Path) -> None:
    table = '[plugins.csv]\npath = "rows.csv"\n[plugins.csv.fields]\nregret = "a"\n'
    (tmp_path / "rows.csv").write_text("id,text,a\n" + "".join(f"r{n},a letter came {n},0.5\n" for n in range(20)))
    (tmp_path / "plugins.toml").write_text(
        'active = ["csv", "lsa"]\n[plugins.lsa]\nwidth = 2\nmin_chunks = 1\n' + table
    )
    prepare = ("data", "prepare", "--plugins", "plugins.toml", "-o")
    assert succeed(*prepare, "one", "--json", cwd=tmp_path).json()["index"]["dataset"] == "csv"
    (tmp_path / "plugins.toml").write_text('active = ["csv", "jsonl", "lsa"]\n' + table)
    refuse(*prepare, "two", cwd=tmp_path, says=["[data] names no dataset (active: csv, jsonl)", "--set data.dataset="])
    (tmp_path / "plugins.toml").write_text('active = ["csv"]\n' + table)
    refuse(*prepare, "three", cwd=tmp_path, says=['[data] names no encoder (active: none); write encoder = "..."'])
