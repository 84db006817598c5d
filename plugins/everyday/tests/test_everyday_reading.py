"""The sentences that the data set `everyday_ko` holds, and rows that it refuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from redheart_core import CATALOGUE, DataError, Record
from redheart_everyday import reading
from redheart_everyday.settings import FIELDS, EverydaySettings


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(reading.read_records(EverydaySettings()))


def labels(record: Record, field: str) -> set[str]:
    value = record.values[field]
    assert isinstance(value, dict)
    return {label for label, number in value.items() if number}


def test_each_author_has_sentences_and_one_of_them_is_the_test_split(records: list[Record]) -> None:
    counts = Counter((record.id.split("-")[2], record.split) for record in records)
    assert set(counts) == {(str(author), "test" if author == reading.TEST else "train") for author in reading.AUTHORS}
    assert min(counts.values()) >= 400


def test_sentences_are_korean_and_come_once(records: list[Record]) -> None:
    assert len({record.text for record in records}) == len(records)
    for record in records:
        assert record.language == "ko"
        assert any("가" <= letter <= "힣" for letter in record.text), record.where
        assert record.text == record.text.strip(), record.where


def test_no_emotion_stands_alone(records: list[Record]) -> None:
    for record in records:
        assert labels(record, "goemotions") == {"neutral"} or "neutral" not in labels(record, "goemotions")
        assert labels(record, "kote") == {"없음"} or "없음" not in labels(record, "kote")
        assert ("neutral" in labels(record, "ekman")) == ("neutral" in labels(record, "goemotions"))


def test_every_label_of_goemotions_is_there(records: list[Record]) -> None:
    counts = Counter(label for record in records for label in labels(record, "goemotions"))
    assert set(counts) == set(CATALOGUE["goemotions"].labels)
    assert [field.name for field in FIELDS] == list(records[0].values)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("나는 떠났다.\tjoy", r"expects 3 columns \(text, goemotions, kote\), got 2"),
        ("나는 떠났다.\tglee\t없음", "unknown label 'glee'; expected some of admiration"),
        ("나는 떠났다.\tjoy\t기쁨,기쁨", "a label stands twice in '기쁨,기쁨'"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, message: str
) -> None:
    for author in reading.AUTHORS:
        (tmp_path / f"author{author}.tsv").write_text(f"좋아요.\tjoy\t기쁨\n{row}\n", encoding="utf-8")
    monkeypatch.setattr(reading, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=rf"author1\.tsv line 2: {message}"):
        list(reading.read_records(EverydaySettings()))
