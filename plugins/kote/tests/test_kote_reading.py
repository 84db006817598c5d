"""What the data set `kote` reads and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from redheart_core import DataError, DatasetSpec, Record
from redheart_kote import redheart_provide_datasets
from redheart_kote.settings import FIELDS, KoteSettings

REAL = Path(__file__).parents[3] / "../shared/data/kote"
ROW = "1\t정말 좋아요.\t1,40\n".encode()


def spec() -> DatasetSpec:
    (only,) = redheart_provide_datasets()
    return only


def read(folder: Path, **parts: bytes) -> list[Record]:
    for part, data in parts.items():
        (folder / f"{part}.tsv").write_bytes(data)
    return list(spec().records(KoteSettings(path=folder)))


def test_both_parts_keep_the_publisher_s_split(tmp_path: Path) -> None:
    records = read(tmp_path, val=ROW, train="2\t네.\t24\n".encode())
    assert [(record.id, record.split, record.where, record.language) for record in records] == [
        ("2", "train", "train.tsv line 1", "ko"),
        ("1", "test", "val.tsv line 1", "ko"),
    ]


@pytest.mark.parametrize("part", ["train", "val"])
def test_one_part_alone_has_no_split(tmp_path: Path, part: str) -> None:
    assert [record.split for record in read(tmp_path, **{part: ROW})] == [None]


def test_label_ids_follow_the_publisher_s_list(tmp_path: Path) -> None:
    record = read(tmp_path, val="1\t네.\t0,24,43\n".encode())[0]
    value = record.values["kote"]
    assert isinstance(value, dict)
    assert [label for label, number in value.items() if number] == ["불평/불만", "없음", "안심/신뢰"]
    assert len(FIELDS[0].labels) == len(set(FIELDS[0].labels)) == 44


def test_quotation_is_undone(tmp_path: Path) -> None:
    assert read(tmp_path, val='1\t"그는 ""네"" 했다"\t1\n'.encode())[0].text == '그는 "네" 했다'


def test_a_comment_without_a_letter_is_left_out(tmp_path: Path) -> None:
    assert [record.id for record in read(tmp_path, val=b"2\t!!!\t1\n" + ROW)] == ["1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2\t네.", r"expects 3 columns \(id, text, label ids\), got 2"),
        ("2\t네.\t44", r"unknown label id '44' in '44' \(ids: 0 to 43\)"),
        ("2\t네.\t", "unknown label id ''"),
        ("2\t \t1", "text is empty"),
        ("\t네.\t1", "id is empty"),
        ("1\t네.\t1", r"the id '1' already stands in val\.tsv line 1"),
        ("2\t\udcff\t1", "not UTF-8"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"val\.tsv line 2: {message}"):
        read(tmp_path, val=ROW + line.encode(errors="surrogateescape"))


def test_a_folder_without_either_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data set 'kote': .* holds neither train\.tsv nor val\.tsv"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"--set kote\.path="):
        list(spec().records(KoteSettings()))


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder shared/data/kote is not beside the repository")
def test_the_published_file_is_whole_and_every_value_passes_its_field() -> None:
    records = list(spec().records(KoteSettings(path=REAL)))
    numbers = np.stack([FIELDS[0].to_numbers(record.values["kote"], record.where) for record in records])
    assert numbers.shape == (5000, 44)
    assert set(np.unique(numbers)) == {0.0, 1.0}
    assert numbers.sum(1).min() == 1
    assert {record.split for record in records} == {None}
