"""What redheart_core.storage.jsonlines reads and refuses."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from redheart_core import DataError
from redheart_core.storage.jsonlines import read_lines, read_objects


def test_objects_come_in_order_with_file_name_and_line_number(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1}\n\n  \n{"x": {"y": [null, "한"]}}', encoding="utf-8")
    assert list(read_objects(path)) == [
        ("a.jsonl line 1", {"x": 1}),
        ("a.jsonl line 4", {"x": {"y": [None, "한"]}}),
    ]


def test_a_gzipped_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"x": 1}\n{"x": 2}\n'))
    assert list(read_objects(path)) == [("a.jsonl.gz line 1", {"x": 1}), ("a.jsonl.gz line 2", {"x": 2})]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"x": 1}\r\n{"x": 2}\r\n')
    assert [value for _, value in read_objects(path)] == [{"x": 1}, {"x": 2}]


def test_the_mark_between_two_files_that_were_put_together_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"x": 1}\n\xef\xbb\xbf{"x": 2}\n')
    assert [value for _, value in read_objects(path)] == [{"x": 1}, {"x": 2}]


def test_lines_keep_their_endings(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\r\ntwo\n\nthree")
    assert [line for _, line in read_lines(path)] == ["one\r\n", "two\n", "\n", "three"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"x": 1', r"a\.jsonl line 2: broken JSON, .* at character 9"),
        (b'{"x": 1} {"x": 2}', r"a\.jsonl line 2: broken JSON, Extra data"),
        (b'{"x": NaN}', r"a\.jsonl line 2: NaN is not a JSON number; write null"),
        (b'{"x": -Infinity}', r"a\.jsonl line 2: -Infinity is not a JSON number"),
        (b'{"x": 1, "x": 2}', r"a\.jsonl line 2: the key x stands twice"),
        (b'{"x": {"y": 1, "y": 2}}', r"a\.jsonl line 2: the key y stands twice"),
        (b"[1, 2]", r"a\.jsonl line 2: expects a JSON object, got list \[1, 2\]"),
        (b"null", r"a\.jsonl line 2: expects a JSON object, got NoneType"),
        (b'{"x": "\xff"}', r"a\.jsonl line 2: not UTF-8 \(byte 0xff at position 8"),
        (b'{"x": "\\ud83d"}', r"a\.jsonl line 2: holds half of a surrogate pair"),
        (b'{"x": ' + b"1" * 5000 + b"}", r"a\.jsonl line 2: the number 111111111111\.\.\. has 5,000 digits"),
        (b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", r"a\.jsonl line 2: JSON nested too deeply"),
    ],
)
def test_a_bad_line_is_named_and_the_good_one_before_it_was_given(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"x": 1}\n' + line + b"\n")
    objects = read_objects(path)
    assert next(objects) == ("a.jsonl line 1", {"x": 1})
    with pytest.raises(DataError, match=message):
        next(objects)


def test_a_whole_escaped_surrogate_pair_is_one_character(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"x": "\\ud83d\\ude00"}')
    assert list(read_objects(path)) == [("a.jsonl line 1", {"x": "\N{GRINNING FACE}"})]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file: .*nowhere\.jsonl"):
        list(read_objects(tmp_path / "nowhere.jsonl"))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        list(read_objects(tmp_path))


def test_a_truncated_gzip_file_says_how_far_it_got(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(b'{"x": 1}\n' * 3)
    path.write_bytes(whole[:-4])
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: the gzip data breaks off after line \d+; get the whole file"):
        list(read_objects(path))


def test_a_flipped_byte_in_a_gzip_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = bytearray(gzip.compress(b"".join(b'{"x": %d}\n' % number for number in range(200))))
    whole[-6] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: ends in \.gz but cannot be unpacked after line \d+"):
        list(read_objects(path))


def test_a_plain_file_named_gz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b'{"x": 1}\n')
    with pytest.raises(DataError, match="rename it if it is not packed"):
        list(read_objects(path))
