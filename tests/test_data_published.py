"""What readers of published files share: folders, rows, label ids and posts."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redheart_core import DataError, Record
from redheart_core.data.published import (
    clean_post,
    find_file,
    has_file,
    has_words,
    read_all,
    read_cells,
    read_label_ids,
    read_post,
    required_folder,
)
from redheart_core.storage.bad_rows import BadRows, BadRowsError

LABELS = ("joy", "fear", "anger")


def rows(folder: Path, data: bytes, quoted: bool = True) -> list[tuple[str, list[str]]]:
    (folder / "a.tsv").write_bytes(data)
    return list(read_cells(folder / "a.tsv", ("text", "id"), quoted=quoted))


def record(id_: str, where: str) -> Record:
    return Record(id_, "I left.", {}, where)


def test_rows_come_with_file_and_line_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    assert rows(tmp_path, b"\xef\xbb\xbfI left.\t1\r\n\n  \nI stayed.\t2") == [
        ("a.tsv line 1", ["I left.", "1"]),
        ("a.tsv line 4", ["I stayed.", "2"]),
    ]


def test_quotation_is_undone_only_where_it_was_written(tmp_path: Path) -> None:
    data = b'"I said ""no"", twice"\t1\n'
    assert rows(tmp_path, data)[0][1] == ['I said "no", twice', "1"]
    assert rows(tmp_path, data, quoted=False)[0][1] == ['"I said ""no"", twice"', "1"]
    assert rows(tmp_path, b'"" "odd"\t1\n', quoted=False)[0][1] == ['"" "odd"', "1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"I left.", r"a\.tsv line 2: expects 2 columns \(text, id\), got 1"),
        (b"I left.\t1\t", r"a\.tsv line 2: expects 2 columns \(text, id\), got 3"),
        (b"\t", r"nothing wrong"),
        (b'"I left.\t1', r"a\.tsv line 2: broken quotation, unexpected end of data; a row has to stand on one line"),
        (b'"I" left.\t1', r"a\.tsv line 2: broken quotation"),
        (b"I \xff left.\t1", r"a\.tsv line 2: not UTF-8"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(tmp_path: Path, line: bytes, message: str) -> None:
    data = b"I left.\t1\n" + line + b"\nI stayed.\t2\n"
    if message == "nothing wrong":  # empty cells are for the reader to judge
        assert rows(tmp_path, data)[1] == ("a.tsv line 2", ["", ""])
        return
    with pytest.raises(DataError, match=message):
        rows(tmp_path, data)


def test_label_ids_become_ones_and_zeros() -> None:
    assert read_label_ids("0,2", LABELS, "line 1") == {"joy": 1.0, "fear": 0.0, "anger": 1.0}


@pytest.mark.parametrize("cell", ["3", "-1", "", "0,", "joy", "1.0", " 1", "²"])
def test_an_unknown_label_id_is_refused(cell: str) -> None:
    with pytest.raises(DataError, match=r"line 1: unknown label id .* \(ids: 0 to 2\)"):
        read_label_ids(cell, LABELS, "line 1")


def test_a_label_id_stands_once() -> None:
    with pytest.raises(DataError, match=r"line 1: a label id stands twice in '1,0,1'"):
        read_label_ids("1,0,1", LABELS, "line 1")


def test_words_need_a_letter_of_any_script_and_an_empty_text_is_an_error() -> None:
    assert has_words("네", "line 1")
    assert not has_words(":((", "line 1")
    with pytest.raises(DataError, match="line 1: text is empty"):
        has_words(" \u3000", "line 1")


def test_a_file_may_be_packed_but_not_be_there_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data set 'd': .* holds neither a\.tsv\.gz nor a\.tsv"):
        find_file("d", tmp_path, "a.tsv")
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(b"x\t1\n"))
    assert find_file("d", tmp_path, "a.tsv") == tmp_path / "a.tsv.gz"
    assert has_file(tmp_path, "a.tsv")
    assert list(read_cells(tmp_path / "a.tsv.gz", ("text", "id"))) == [("a.tsv.gz line 1", ["x", "1"])]
    (tmp_path / "a.tsv").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds both a\.tsv\.gz and a\.tsv; remove one"):
        find_file("d", tmp_path, "a.tsv")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (lambda folder: None, r'path = "\.\.\." under \[plugins\.d\], or give --set d\.path='),
        (lambda folder: folder / "nowhere", r"nowhere does not exist; expected a folder with a\.tsv"),
        (lambda folder: folder / "file", r"file is a file, not a folder; expected a folder with a\.tsv"),
    ],
)
def test_a_folder_is_required(tmp_path: Path, path: Callable[[Path], Path | None], message: str) -> None:
    (tmp_path / "file").touch()
    assert required_folder("d", tmp_path, "a.tsv") == tmp_path
    with pytest.raises(DataError, match=f"data set 'd'.*{message}"):
        required_folder("d", path(tmp_path), "a.tsv")


def test_a_post_is_cleaned_and_has_to_be_text() -> None:
    assert clean_post(" one &amp;lt;3\u200b ") == "one <3"
    assert read_post({"text": "a &amp; b"}, "text", "line 1") == "a & b"
    with pytest.raises(DataError, match=r"line 1: expects the key 'text' \(keys: none\)"):
        read_post({}, "text", "line 1")


def test_ids_come_once_and_are_not_empty() -> None:
    fine = [record("a", "line 1"), record("b", "line 2")]
    assert list(read_all(lambda bad: iter(fine))) == fine
    with pytest.raises(DataError, match=r"^line 3: the id 'a' already stands in line 1$"):
        list(read_all(lambda bad: iter([*fine, record("a", "line 3")])))
    with pytest.raises(DataError, match=r"^line 1: id is empty$"):
        list(read_all(lambda bad: iter([record(" ", "line 1")])))


def test_all_bad_rows_are_reported_together_with_what_ended_the_reading() -> None:
    def read(bad: BadRows) -> Iterator[Record]:
        for number in range(30):
            with bad.row():
                if number % 3:
                    raise DataError(f"line {number}: bad")
                yield record(f"r{number}", f"line {number}")
        raise DataError("the file ends in the middle")

    given = read_all(read)
    found = [next(given) for _ in range(10)]
    assert [one.id for one in found] == [f"r{number}" for number in range(0, 30, 3)]
    with pytest.raises(BadRowsError) as caught:
        next(given)
    lines = str(caught.value).splitlines()
    assert lines[0] == "21 rows cannot be used; correct them, or leave them out:"
    assert lines[1:4] == ["  - line 1: bad", "  - line 2: bad", "  - line 4: bad"]
    assert len(lines) == 22
    assert lines[-1] == "  - and 1 more"


def test_stray_control_characters_of_a_post_are_dropped_and_white_space_stays() -> None:
    assert clean_post("a\x08b\x00 c\td\ne\x9ff\x85g") == "ab c\td\nef\x85g"
