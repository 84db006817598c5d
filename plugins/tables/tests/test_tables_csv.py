"""What the data set `csv` reads and refuses."""

from __future__ import annotations

import gzip
from pathlib import Path

import attrs
import pytest

from redheart_core import DataError, Record, SettingsError
from redheart_core.storage.settings import read_table
from redheart_tables import redheart_provide_datasets
from redheart_tables.settings import CsvSettings

_, SPEC = redheart_provide_datasets()
REGRET = {"regret": "r"}


def read(folder: Path, content: str, settings: CsvSettings) -> list[Record]:
    path = folder / "my.csv"
    path.write_bytes(content.encode())
    return list(SPEC.records(attrs.evolve(settings, path=path)))


def test_a_record_holds_id_text_and_mapped_numbers(tmp_path: Path) -> None:
    settings = CsvSettings(
        id="key", text="body", language="ko", fields={"regret": "r", "bentham": {"intensity": "i", "duration": "d"}}
    )
    (record,) = read(tmp_path, "key,body,r,i,d,else\n007,한 글,.5,1e-1,,x\n", settings)
    assert record == Record(
        id="007",
        text="한 글",
        values={"regret": 0.5, "bentham": {"intensity": 0.1, "duration": None}},
        where="my.csv line 2",
        split=None,
        language="ko",
    )


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends_and_lines_are_counted_right(tmp_path: Path) -> None:
    content = 'id,text,r\r\na,"one, ""two""\r\nthree",0\r\n\r\nb,four,1\r\n'
    records = read(tmp_path, content, CsvSettings(fields=REGRET))
    assert [(record.where, record.text) for record in records] == [
        ("my.csv line 2", 'one, "two"\r\nthree'),
        ("my.csv line 5", "four"),
    ]


def test_another_delimiter_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    records = read(tmp_path, "\ufeffid;text;r\na;b, c;0.25\n", CsvSettings(delimiter=";", fields=REGRET))
    assert [(record.id, record.text, record.values) for record in records] == [("a", "b, c", {"regret": 0.25})]


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "my.csv.gz"
    path.write_bytes(gzip.compress(b"id,text,r\na,b,0\n"))
    assert [record.where for record in SPEC.records(CsvSettings(path=path, fields=REGRET))] == ["my.csv.gz line 2"]


def test_without_an_id_column_ids_are_file_name_and_line(tmp_path: Path) -> None:
    records = read(tmp_path, "text,r\nt,0\nu,0\n", CsvSettings(id="", fields=REGRET))
    assert [record.id for record in records] == ["my.csv:2", "my.csv:3"]


def test_the_split_column_is_kept(tmp_path: Path) -> None:
    records = read(tmp_path, "id,text,r,s\na,t,0,train\nb,t,0,test\n", CsvSettings(split="s", fields=REGRET))
    assert [record.split for record in records] == ["train", "test"]


def test_a_column_says_the_language_of_each_text_and_the_setting_that_of_the_others(tmp_path: Path) -> None:
    content = "id,text,r,lang\na,t,0,en\nb,u,0,\nc,v,0, ko \n"
    for language in (None, "de"):
        settings = CsvSettings(language=language, language_column="lang", fields=REGRET)
        assert [record.language for record in read(tmp_path, content, settings)] == ["en", language, "ko"]
    with pytest.raises(DataError, match=r"has no column 'tongue'"):
        read(tmp_path, content, CsvSettings(language_column="tongue", fields=REGRET))


def test_a_first_line_in_another_encoding_is_named_once(tmp_path: Path) -> None:
    """As spreadsheets in Korean save it."""
    path = tmp_path / "my.csv"
    path.write_bytes("id,text,기분\na,나는 화가 났다.,1\n".encode("cp949"))
    with pytest.raises(DataError) as refused:
        list(SPEC.records(CsvSettings(path=path, fields={"regret": "기분"})))
    assert str(refused.value).startswith("my.csv line 1: not UTF-8 (byte 0xb1")


def test_a_language_that_is_no_code_is_refused_before_anything_is_read() -> None:
    with pytest.raises(
        SettingsError, match=r"\[plugins\.csv\] language: .* got 'lang'; .* name that by language_column"
    ):
        read_table(CsvSettings, {"language": "lang"}, "[plugins.csv]")


@pytest.mark.parametrize("cell", ["yes", "No", "TRUE", " x "])
def test_a_cell_that_says_yes_or_no_is_told_what_to_write(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match=r"write 1 for yes and 0 for no, and leave a missing one empty"):
        read(tmp_path, f"id,text,r\na,t,{cell}\n", CsvSettings(fields=REGRET))


@pytest.mark.parametrize("cell", ["much", "nan", "inf", "1_000", "0,5", "0x1"])
def test_a_cell_that_is_no_number_is_named_by_file_line_and_column(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match=rf"^my\.csv line 3, column 'r': not a number: '{cell}'"):
        read(tmp_path, f'id,text,r\na,t,0\nb,t,"{cell}"\n', CsvSettings(fields=REGRET))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b,t", r"line 3: has 2 cells, the first line names 4 columns"),
        ("b,t,0,train,more", r"line 3: has 5 cells"),
        (",t,0,train", r"line 3: expects the id in column 'id', got str ''"),
        ("b, ,0,train", r"line 3: expects the text in column 'text', got str ' '"),
        ("a,t,0,train", r"line 3: the id 'a' already stands in my\.csv line 2"),
        ("b,t,0,dev", r"line 3: column 's' expects 'train' or 'test', got 'dev'"),
        ("b,t,0,", r"line 3: column 's' expects 'train' or 'test', got ''"),
        ('b,"t,0,train\nc,t,0,train', r"line 3: broken CSV, unexpected end of data \(reached line 4\)"),
        ('b,"t"x,0,train', r"line 3: broken CSV, ',' expected after '\"'"),
        ("b," + "t" * 200_000 + ",0,train", r"line 3: broken CSV, field larger than field limit"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(DataError, match=r"^my\.csv " + message):
        read(tmp_path, f"id,text,r,s\na,t,0,train\n{row}\n", CsvSettings(split="s", fields=REGRET))


def test_an_unknown_column_is_an_error_with_the_files_columns(tmp_path: Path) -> None:
    settings = CsvSettings(text="body", split="part", fields={"regret": "q"})
    with pytest.raises(
        DataError,
        match=r"no column 'body', 'part', 'q' \(columns, separated by ',': 'id', 'text', 'r'\); set the names",
    ):
        read(tmp_path, "id,text,r\na,t,0\n", settings)


def test_a_missing_id_column_says_how_to_do_without(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'no column \'id\' .*; id = "" makes ids of the line numbers'):
        read(tmp_path, "text,r\nt,0\n", CsvSettings(fields=REGRET))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"my\.csv line 1: names the column 'r' more than once"):
        read(tmp_path, "id,text,r,r\na,t,0,1\n", CsvSettings(fields=REGRET))


def test_a_file_in_another_encoding_is_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_bytes("id,text,r\na,한글,0\n".encode("cp949"))
    with pytest.raises(DataError, match=r"my\.csv line 2: not UTF-8"):
        list(SPEC.records(CsvSettings(path=path, fields=REGRET)))


@pytest.mark.parametrize(
    ("content", "message"), [("", "is empty; its first line"), ("id,text,r\n", "holds no records")]
)
def test_a_file_without_records_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content, CsvSettings(fields=REGRET))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file: .*nowhere\.csv"):
        list(SPEC.records(CsvSettings(path=tmp_path / "nowhere.csv", fields=REGRET)))
