"""What the data set `emobank` reads and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from redheart_core import DataError, DatasetSpec, Record
from redheart_emobank import redheart_provide_datasets
from redheart_emobank.settings import FIELDS, EmobankSettings

REAL = Path(__file__).parents[3] / "../shared/data/emobank"
HEADER = b"id,split,V,A,D,text\n"
ROW = b"a,train,3.1,2.5,3.2,I left.\n"


def spec() -> DatasetSpec:
    (only,) = redheart_provide_datasets()
    return only


def read(folder: Path, data: bytes) -> list[Record]:
    (folder / "emobank.csv").write_bytes(data)
    return list(spec().records(EmobankSettings(path=folder)))


def test_train_stays_train_dev_becomes_test_and_the_test_part_stays_unseen(tmp_path: Path) -> None:
    data = HEADER + b'b,dev,4,3,3,"Well, ""I"" stayed."\n' + ROW + b"c,test,1,1,1,Unseen.\n"
    records = read(tmp_path, data)
    assert [(record.id, record.text, record.split, record.where) for record in records] == [
        ("b", 'Well, "I" stayed.', "test", "emobank.csv line 2"),
        ("a", "I left.", "train", "emobank.csv line 3"),
    ]
    assert {record.language for record in records} == {"en"}


def test_the_columns_become_labels(tmp_path: Path) -> None:
    record = read(tmp_path, HEADER + ROW)[0]
    numbers = FIELDS[0].to_numbers(record.values["vad"], record.where)
    np.testing.assert_array_equal(numbers, np.array([3.1, 2.5, 3.2], dtype=np.float32))
    assert FIELDS[0].labels == ("valence", "arousal", "dominance")


def test_a_sentence_without_a_letter_is_left_out(tmp_path: Path) -> None:
    assert [record.id for record in read(tmp_path, HEADER + b"b,train,3,3,3,!\n" + ROW)] == ["a"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"b,train,3,3,3", r"expects 6 columns \(id, split, V, A, D, text\), got 5"),
        (b"b,train,3,3,3,I, left.", "expects 6 columns .*, got 7"),
        (b"b,train,3,high,3,I left.", "column 'A' expects a number, got 'high'"),
        (b"b,train,,3,3,I left.", "column 'V' expects a number, got ''"),
        (b"b,valid,3,3,3,I left.", "column 'split' expects one of train, dev, test, got 'valid'"),
        (b"b,train,3,3,3, ", "text is empty"),
        (b",train,3,3,3,I left.", "id is empty"),
        (b"a,dev,3,3,3,I stayed.", r"the id 'a' already stands in emobank\.csv line 2"),
        (b"b,train,3,3,3,I \xff left.", "not UTF-8"),
        (b'b,train,3,3,3,"I left.', "broken quotation"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: bytes, message: str) -> None:
    with pytest.raises(DataError, match=rf"emobank\.csv line 3: {message}"):
        read(tmp_path, HEADER + ROW + line + b"\n" + ROW.replace(b"a,", b"z,"))


@pytest.mark.parametrize("number", [b"0.9", b"5.1", b"nan"])
def test_a_rating_off_the_scale_is_refused_by_the_field_with_the_line(tmp_path: Path, number: bytes) -> None:
    record = read(tmp_path, HEADER + ROW.replace(b"3.2", number))[0]
    with pytest.raises(DataError, match=r"emobank\.csv line 2: vad\.dominance expects a value in 1\.\.5, got"):
        FIELDS[0].to_numbers(record.values["vad"], record.where)


@pytest.mark.parametrize("data", [ROW, b"", b"id,split,A,V,D,text\n"])
def test_another_header_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match=r"emobank\.csv.*: expects the header id,split,V,A,D,text, got"):
        read(tmp_path, data)


def test_folder_and_file_are_required(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--set emobank\.path="):
        list(spec().records(EmobankSettings()))
    with pytest.raises(DataError, match=r"holds neither emobank\.csv\.gz nor emobank\.csv"):
        list(spec().records(EmobankSettings(path=tmp_path)))


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder shared/data/emobank is not beside the repository")
def test_the_published_file_is_whole_and_every_value_passes_its_field() -> None:
    records = list(spec().records(EmobankSettings(path=REAL)))
    numbers = np.stack([FIELDS[0].to_numbers(record.values["vad"], record.where) for record in records])
    # of 8,062 and 1,000 rows these are without those that have no letter
    splits = [record.split for record in records]
    assert (splits.count("train"), splits.count("test")) == (8055, 999)
    assert numbers.shape == (9054, 3)
    assert np.isfinite(numbers).all()
