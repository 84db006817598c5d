"""Labels by their names in one column: which are 1, which one is chosen, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redheart_core import DataError
from redheart_tables import redheart_provide_datasets
from redheart_tables.settings import Columns, CsvSettings, JsonlSettings

JSONL, CSV = redheart_provide_datasets()
LABELS = ("billing", "late_delivery", "quality")
NONE = dict.fromkeys(LABELS, 0.0)


def of_csv(folder: Path, cell: str, kind: str) -> Any:
    path = folder / "my.csv"
    path.write_text(f'id,text,topic\nx,y,"{cell}"\n', encoding="utf-8")
    fields: Columns = {"topic": {"column": "topic", "kind": kind, "labels": LABELS}}
    (record,) = CSV.records(CsvSettings(path=path, fields=fields))
    return record.values["topic"]


def of_jsonl(folder: Path, value: object, kind: str) -> Any:
    path = folder / "my.jsonl"
    path.write_text(json.dumps({"id": "x", "text": "y", "topic": value}), encoding="utf-8")
    fields: Columns = {"topic": {"column": "topic", "kind": kind, "labels": LABELS}}
    (record,) = JSONL.records(JsonlSettings(path=path, fields=fields))
    return record.values["topic"]


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("billing", ["billing"]),
        (" quality ;billing", ["billing", "quality"]),
        ("billing,late delivery", ["billing", "late_delivery"]),
        ("late-delivery|quality", ["late_delivery", "quality"]),
    ],
)
def test_a_cell_names_the_labels_that_are_1(tmp_path: Path, cell: str, named: list[str]) -> None:
    expected = {**NONE, **dict.fromkeys(named, 1.0)}
    assert of_csv(tmp_path, cell, "labels") == of_jsonl(tmp_path, cell, "labels") == expected


@pytest.mark.parametrize("kind", ["distribution", "votes"])
def test_a_cell_names_the_one_that_is_chosen(tmp_path: Path, kind: str) -> None:
    assert of_csv(tmp_path, "quality", kind) == of_jsonl(tmp_path, ["quality"], kind) == {**NONE, "quality": 1.0}


def test_an_empty_cell_is_missing_and_an_empty_list_says_that_no_label_is_1(tmp_path: Path) -> None:
    assert of_csv(tmp_path, " ", "labels") is None
    assert of_jsonl(tmp_path, None, "labels") is None
    assert of_jsonl(tmp_path, [], "labels") == NONE


def test_labels_of_the_catalogue_may_be_named_too(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("id,text,feelings\nx,y,joy; surprise\n", encoding="utf-8")
    (record,) = CSV.records(CsvSettings(path=path, fields={"ekman": "feelings"}))
    found = record.values["ekman"]
    assert isinstance(found, dict)
    assert [label for label, number in found.items() if number] == ["joy", "surprise"]


@pytest.mark.parametrize(
    ("cell", "kind", "says"),
    [
        (
            "invoice",
            "labels",
            "line 2, column 'topic': expects names of the labels billing, late_delivery, qual",
        ),
        ("1", "labels", "expects names of the labels"),
        ("billing;", "labels", "expects names of the labels"),
        ("billing; billing", "labels", "a label stands twice"),
        ("billing; quality", "distribution", "expects one of the labels billing, late_delivery, quality, got 2"),
    ],
)
def test_other_names_are_refused_by_their_place(tmp_path: Path, cell: str, kind: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        of_csv(tmp_path, cell, kind)


@pytest.mark.parametrize(
    ("value", "kind"), [([1, 0, 0], "labels"), ([], "distribution"), (["billing", None], "labels")]
)
def test_other_lists_are_refused(tmp_path: Path, value: object, kind: str) -> None:
    with pytest.raises(DataError, match="of the labels billing"):
        of_jsonl(tmp_path, value, kind)
