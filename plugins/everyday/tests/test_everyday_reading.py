"""The sentences that the data sets `everyday_en` and `everyday_ko` hold, and rows that they refuse."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redheart_core import CATALOGUE, DataError, Record
from redheart_everyday import reading
from redheart_everyday.settings import ENGLISH, KOREAN, EverydaySettings

READ: dict[str, Callable[[EverydaySettings], Iterator[Record]]] = {
    "en": reading.read_english,
    "ko": reading.read_korean,
}


@pytest.fixture(scope="module", params=READ)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def records(language: str) -> list[Record]:
    return list(READ[language](EverydaySettings()))


def labels(record: Record, field: str) -> set[str]:
    value = record.values[field]
    assert isinstance(value, dict)
    return {label for label, number in value.items() if number}


def test_each_author_has_sentences_and_one_of_them_is_the_test_split(language: str, records: list[Record]) -> None:
    counts = Counter((int(record.id.split("-")[2]), record.split) for record in records)
    authors = range(1, reading.AUTHORS[language] + 1)
    assert set(counts) == {(author, "test" if author == reading.TEST else "train") for author in authors}
    assert min(counts.values()) >= 500


def test_sentences_are_in_their_language_and_come_once(language: str, records: list[Record]) -> None:
    assert len({record.text for record in records}) == len(records)
    for record in records:
        assert record.language == language
        assert any("가" <= letter <= "힣" for letter in record.text) == (language == "ko"), record.where
        assert record.text == unicodedata.normalize("NFC", record.text.strip()), record.where


def test_no_emotion_stands_alone(language: str, records: list[Record]) -> None:
    for record in records:
        assert labels(record, "goemotions") == {"neutral"} or "neutral" not in labels(record, "goemotions")
        assert ("neutral" in labels(record, "ekman")) == ("neutral" in labels(record, "goemotions"))
        if language == "ko":
            assert labels(record, "kote") == {"없음"} or "없음" not in labels(record, "kote")


def test_every_label_of_goemotions_is_there(language: str, records: list[Record]) -> None:
    counts = Counter(label for record in records for label in labels(record, "goemotions"))
    assert set(counts) == set(CATALOGUE["goemotions"].labels)
    assert {field.name for field in (KOREAN if language == "ko" else ENGLISH)} == set(records[0].values)


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
    (tmp_path / "ko").mkdir()
    for author in range(1, reading.AUTHORS["ko"] + 1):
        (tmp_path / "ko" / f"author{author}.tsv").write_text(f"좋아요.\tjoy\t기쁨\n{row}\n", encoding="utf-8")
    monkeypatch.setattr(reading, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=rf"author1\.tsv line 2: {message}"):
        list(reading.read_korean(EverydaySettings()))
