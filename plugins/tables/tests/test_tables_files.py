"""Tables as spreadsheets and other systems write them: nameless columns, empty rows, names in any Unicode form."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from redheart_core import DataError, Record
from redheart_core.storage.bad_rows import BadRowsError
from redheart_tables import redheart_provide_datasets
from redheart_tables.settings import CsvSettings, JsonlSettings

JSONL, CSV = redheart_provide_datasets()
FORMS = ("NFC", "NFD")


def read(folder: Path, content: str) -> list[Record]:
    path = folder / "my.csv"
    path.write_bytes(content.encode())
    return list(CSV.records(CsvSettings(path=path, fields={"regret": "r"})))


def test_columns_without_a_name_and_rows_of_separators_are_passed_over(tmp_path: Path) -> None:
    table = "\ufeffid,,text,r,,\r\n,,,,,\r\na,,t,0.5,,\r\n , ,,,,\r\nb,,u,1\r\nc,,v,0,,,,\r\n,,,,,\r\n"
    assert [(one.id, one.text, one.values, one.where) for one in read(tmp_path, table)] == [
        ("a", "t", {"regret": 0.5}, "my.csv line 3"),
        ("b", "u", {"regret": 1.0}, "my.csv line 5"),
        ("c", "v", {"regret": 0.0}, "my.csv line 6"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,x,t,0,", r"^my\.csv line 2: the cell 'x' stands in a column without a name; name it$"),
        ("a,,t,0,,x", r"^my\.csv line 2: has 6 cells, the first line names 3 columns$"),
        ("a,,t", r"^my\.csv line 2: has 3 cells, the first line names 3 columns$"),
    ],
)
def test_a_cell_that_belongs_to_no_column_is_refused(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, f"id,,text,r,\n{row}\n")


def test_all_bad_rows_of_a_csv_file_are_reported_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    rows = [f"r{number},text,{'much' if number % 2 else '0.5'}\n".encode() for number in range(50)]
    rows[10] = b"r10,\xff,0\n"
    rows[20] = b'r20,"two\r\nlines" x,0\n'
    path.write_bytes(b"id,text,r\n" + b"".join(rows))
    with pytest.raises(BadRowsError) as caught:
        list(CSV.records(CsvSettings(path=path, fields={"regret": "r"})))
    lines = str(caught.value).splitlines()
    assert lines[0] == "27 rows cannot be used; correct them, or leave them out:"
    assert lines[1].startswith("  - my.csv line 3, column 'r': not a number: 'much'")
    assert any("my.csv line 12: not UTF-8" in line for line in lines)
    assert lines[-1] == "  - and 7 more"
    assert len(lines) == 22


def test_all_bad_lines_of_json_are_reported_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    lines = [
        '{"id": "a", "text": "t", "r": 0}',
        '{"id": "b"',
        "[]",
        "{}",
        "",
        '{"id": "c"}',
        '{"id": "a", "text": "t"}',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadRowsError) as caught:
        list(JSONL.records(JsonlSettings(path=path, fields={"regret": "r"})))
    assert [one.partition(":")[0] for one in caught.value.complaints] == [
        f"my.jsonl line {line}" for line in (2, 3, 6, 7)
    ]


@pytest.mark.parametrize("file_form", FORMS)
@pytest.mark.parametrize("form", FORMS)
def test_columns_and_file_names_are_the_same_in_any_unicode_form(tmp_path: Path, form: Any, file_form: Any) -> None:
    id_, text, regret = (unicodedata.normalize(file_form, name) for name in ("번호", "글", "후회 é"))
    folder = tmp_path / unicodedata.normalize(file_form, "표 données")
    folder.mkdir()
    (folder / unicodedata.normalize(file_form, "été.csv")).write_text(f"{id_},{text},{regret}\na,I left.,0.5\n")
    line = f'{{"{id_}": "a", "{text}": "I left.", "{regret}": 0.5}}\n'
    (folder / unicodedata.normalize(file_form, "été.jsonl")).write_text(line)
    id_, text, regret = (unicodedata.normalize(form, name) for name in ("번호", "글", "후회 é"))
    for spec, cls, name in ((CSV, CsvSettings, "été.csv"), (JSONL, JsonlSettings, "été.jsonl")):
        path = tmp_path / unicodedata.normalize(form, f"표 données/{name}")
        (record,) = spec.records(cls(path=path, id=id_, text=text, fields={"regret": regret}))
        assert (record.id, record.text, record.values) == ("a", "I left.", {"regret": 0.5})
