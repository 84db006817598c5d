"""What the data set `scruples` reads and refuses."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from redheart_core import DataError, DatasetSpec, Record
from redheart_scruples import redheart_provide_datasets
from redheart_scruples.settings import ScruplesSettings

REAL = Path(__file__).parents[3] / "../shared/data/scruples"
TRAIN, DEV = "train.scruples-anecdotes.jsonl", "dev.scruples-anecdotes.jsonl"
VOTES = {"AUTHOR": 3, "OTHER": 4.5, "EVERYBODY": 0, "NOBODY": 1, "INFO": 0}


def anecdote(number: int = 1, **changes: object) -> dict[str, object]:
    post = {"id": f"s{number}", "title": "AITA for leaving?", "text": "I &amp;amp; he left.", "label": "OTHER"}
    return {**post, "label_scores": VOTES, **changes}


def lines(*records: Mapping[str, object]) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


def folder_with(folder: Path, train: bytes) -> ScruplesSettings:
    (folder / TRAIN).write_bytes(train)
    (folder / f"{DEV}.gz").write_bytes(gzip.compress(lines(anecdote(900))))
    return ScruplesSettings(path=folder)


def spec() -> DatasetSpec:
    (only,) = redheart_provide_datasets()
    return only


def read(settings: ScruplesSettings) -> list[Record]:
    return list(spec().records(settings))


def test_train_stays_train_and_dev_becomes_test(tmp_path: Path) -> None:
    records = read(folder_with(tmp_path, lines(anecdote(1), anecdote(2))))
    assert [(record.id, record.split, record.where) for record in records] == [
        ("s1", "train", f"{TRAIN} line 1"),
        ("s2", "train", f"{TRAIN} line 2"),
        ("s900", "test", f"{DEV}.gz line 1"),
    ]
    assert {record.language for record in records} == {"en"}


def test_the_votes_are_counts_without_a_sum(tmp_path: Path) -> None:
    record = read(folder_with(tmp_path, lines(anecdote())))[0]
    (field,) = spec().fields(ScruplesSettings())
    numbers = field.to_numbers(record.values["votes"], record.where)
    np.testing.assert_array_equal(numbers, np.array([3, 4.5, 0, 1, 0], dtype=np.float32))
    assert record.values.keys() == {"votes"}


def test_the_title_is_a_paragraph_in_front_unless_switched_off(tmp_path: Path) -> None:
    settings = folder_with(tmp_path, lines(anecdote()))
    assert read(settings)[0].text == "AITA for leaving?\n\nI & he left."
    assert read(ScruplesSettings(path=tmp_path, with_title=False))[0].text == "I & he left."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_scores": None}, "label_scores expects an object with the keys AUTHOR, OTHER, .*, got None"),
        ({"label_scores": {"AUTHOR": 1}}, "label_scores expects an object with the keys AUTHOR, OTHER"),
        ({"label_scores": {**VOTES, "NONE": 1}}, "label_scores expects an object with the keys"),
        ({"label_scores": dict.fromkeys(VOTES, 0)}, "label_scores has no vote at all"),
        ({"text": " "}, "text is empty"),
        ({"title": 3}, "title expects a string, got int 3"),
        ({"id": "s1"}, "the id 's1' already stands in train.scruples-anecdotes.jsonl line 1"),
    ],
)
def test_a_bad_record_is_named_by_file_and_line(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    settings = folder_with(tmp_path, lines(anecdote(1), anecdote(2, **changes)))
    with pytest.raises(DataError, match=f"train.scruples-anecdotes.jsonl line 2: {message}"):
        read(settings)


@pytest.mark.parametrize(
    ("line", "message"),
    [(b'{"id": ', "broken JSON"), (b'{"id": "\xff"}', "not UTF-8"), (b"3", "expects a JSON object")],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    settings = folder_with(tmp_path, lines(anecdote(1)) + b"\n" + line)
    with pytest.raises(DataError, match=f"train.scruples-anecdotes.jsonl line 2: {message}"):
        read(settings)


def test_a_negative_vote_is_refused_by_the_field(tmp_path: Path) -> None:
    record = read(folder_with(tmp_path, lines(anecdote(label_scores={**VOTES, "INFO": -1}))))[0]
    (field,) = spec().fields(ScruplesSettings())
    with pytest.raises(DataError, match=r"line 1: votes\.INFO expects a value in 0\.\..*, got -1"):
        field.to_numbers(record.values["votes"], record.where)


def test_folder_and_both_files_are_required(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"under \[plugins\.scruples\].*--set scruples\.path="):
        read(ScruplesSettings())
    (tmp_path / TRAIN).write_bytes(b"not even JSON")
    with pytest.raises(DataError, match=r"holds neither dev\.scruples-anecdotes\.jsonl\.gz nor dev"):
        read(ScruplesSettings(path=tmp_path))


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder shared/data/scruples is not beside the repository")
def test_the_published_files_are_whole_and_every_value_passes_its_field() -> None:
    records = read(ScruplesSettings(path=REAL))
    (field,) = spec().fields(ScruplesSettings())
    numbers = np.stack([field.to_numbers(record.values["votes"], record.where) for record in records])
    assert [record.split for record in records] == ["train"] * 6000 + ["test"] * 1000
    assert np.bincount(numbers.argmax(1), minlength=5).tolist() == [1595, 4558, 245, 572, 30]
