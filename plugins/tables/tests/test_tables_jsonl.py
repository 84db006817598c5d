"""What the data set `jsonl` reads and refuses."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import attrs
import pytest

from redheart_core import DataError, Record
from redheart_tables import redheart_provide_datasets
from redheart_tables.settings import JsonlSettings

SPEC, _ = redheart_provide_datasets()
REGRET = {"regret": "r"}


def read(folder: Path, lines: str, settings: JsonlSettings) -> list[Record]:
    path = folder / "my.jsonl"
    path.write_text(lines, encoding="utf-8")
    return list(SPEC.records(attrs.evolve(settings, path=path)))


def test_a_history_is_a_list_along_the_axis_of_its_field(tmp_path: Path) -> None:
    settings = JsonlSettings(fields={"history": "posts"})
    line = '{"id": "a", "text": "b", "posts": [{"valence": -0.25, "regret": 0.5}, {"valence": 0.125}]}'
    (record,) = read(tmp_path, line, settings)
    (field,) = SPEC.fields(settings)
    numbers = field.to_numbers(record.values["history"], record.where)
    valence, regret = field.labels.index("valence"), field.labels.index("regret")
    assert numbers[:2, valence].tolist() == [-0.25, 0.125]
    assert numbers[0, regret] == 0.5
    assert math.isnan(numbers[1, regret])
    assert all(math.isnan(number) for number in numbers[2:].flatten().tolist())


def test_a_column_says_the_language_of_each_text(tmp_path: Path) -> None:
    settings = JsonlSettings(language="de", language_column="meta.lang", fields={"regret": "r"})
    lines = ['{"id": 1, "text": "t", "r": 0, "meta": {"lang": "ko"}}', '{"id": 2, "text": "u", "r": 0}']
    assert [record.language for record in read(tmp_path, "\n".join(lines), settings)] == ["ko", "de"]
    with pytest.raises(DataError, match=r"line 1: column 'r' expects the code of a language, such as en or ko, got 0"):
        read(tmp_path, lines[0], attrs.evolve(settings, language_column="r"))
    with pytest.raises(DataError, match=r"no record has 'tongue', named under \[plugins\.jsonl\]"):
        read(tmp_path, lines[0], attrs.evolve(settings, language_column="tongue"))


def test_a_record_holds_id_text_and_mapped_values(tmp_path: Path) -> None:
    settings = JsonlSettings(
        id="key",
        text="body",
        language="ko",
        fields={"regret": "r", "bentham": {"intensity": "scores.i", "duration": "d"}, "choice_factors": "cf"},
    )
    line = '{"key": 7, "body": "한 글", "r": 0.5, "scores": {"i": 0.1}, "d": null, "cf": {"risk": 1}}'
    (record,) = read(tmp_path, line, settings)
    assert record == Record(
        id="7",
        text="한 글",
        values={"regret": 0.5, "bentham": {"intensity": 0.1, "duration": None}, "choice_factors": {"risk": 1}},
        where="my.jsonl line 1",
        split=None,
        language="ko",
    )
    numbers = [field.to_numbers(record.values[field.name], record.where) for field in SPEC.fields(settings)]
    assert numbers[0] == (0.5,)
    assert numbers[1] == pytest.approx((0.1, math.nan), nan_ok=True)


def test_a_key_with_a_dot_is_taken_whole_before_it_is_taken_apart(tmp_path: Path) -> None:
    line = '{"id": "a", "text": "t", "s.r": 0.25, "s": {"r": 0.75}}'
    assert read(tmp_path, line, JsonlSettings(fields={"regret": "s.r"}))[0].values == {"regret": 0.25}


def test_a_record_may_lack_a_column_that_another_one_has(tmp_path: Path) -> None:
    lines = '{"id": "a", "text": "t"}\n{"id": "b", "text": "t", "r": 1}'
    assert [record.values for record in read(tmp_path, lines, JsonlSettings(fields=REGRET))] == [
        {"regret": None},
        {"regret": 1},
    ]


def test_a_column_that_no_record_has_is_an_error_with_the_files_columns(tmp_path: Path) -> None:
    lines = '{"id": "a", "text": "t", "x": 1}\n{"id": "b", "text": "t", "y": 1}'
    with pytest.raises(DataError, match=r"my\.jsonl: no record has 'r', named under .* \(columns: id, text, x, y\)"):
        read(tmp_path, lines, JsonlSettings(fields=REGRET))


def test_without_an_id_column_ids_are_file_name_and_line(tmp_path: Path) -> None:
    lines = '{"text": "t", "r": 0}\n\n{"text": "u", "r": 0}'
    assert [record.id for record in read(tmp_path, lines, JsonlSettings(id="", fields=REGRET))] == [
        "my.jsonl:1",
        "my.jsonl:3",
    ]


def test_the_split_column_is_kept(tmp_path: Path) -> None:
    lines = '{"id": "a", "text": "t", "r": 0, "s": "train"}\n{"id": "b", "text": "t", "r": 0, "s": "test"}'
    assert [record.split for record in read(tmp_path, lines, JsonlSettings(split="s", fields=REGRET))] == [
        "train",
        "test",
    ]


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "a", "text": "t", "r": 0}'))
    assert [record.id for record in SPEC.records(JsonlSettings(path=path, fields=REGRET))] == ["a"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"text": "t", "r": 0}',
            r"line 2: expects the id in column 'id', got nothing \(columns: text, r\); id = \"\"",
        ),
        ('{"id": " ", "text": "t"}', r"line 2: expects the id in column 'id', got str ' '"),
        ('{"id": true, "text": "t"}', r"line 2: expects the id in column 'id', got bool True"),
        ('{"id": 1.5, "text": "t"}', r"line 2: expects the id in column 'id', got float 1\.5"),
        ('{"id": "b", "txt": "t"}', r"line 2: expects the text in column 'text', got nothing \(columns: id, txt\)"),
        ('{"id": "b", "text": "  "}', r"line 2: expects the text in column 'text', got str '  '"),
        ('{"id": "a", "text": "t", "s": "test"}', r"line 2: the id 'a' already stands in my\.jsonl line 1"),
        ('{"id": "b", "text": "t", "s": "dev"}', r"line 2: column 's' expects 'train' or 'test', got 'dev'"),
        ('{"id": "b", "text": "t"}', r"line 2: column 's' expects 'train' or 'test', got None"),
        ('{"id": "b"', r"line 2: broken JSON"),
        ("[]", r"line 2: expects a JSON object, got list"),
    ],
)
def test_a_bad_record_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    good = '{"id": "a", "text": "t", "r": 0, "s": "train"}\n'
    with pytest.raises(DataError, match=r"^my\.jsonl " + message):
        read(tmp_path, good + line, JsonlSettings(split="s", fields=REGRET))


def test_a_wrong_number_is_refused_by_its_field_with_the_line(tmp_path: Path) -> None:
    settings = JsonlSettings(fields=REGRET)
    (record,) = read(tmp_path, '{"id": "a", "text": "t", "r": "much"}', settings)
    with pytest.raises(DataError, match=r"my\.jsonl line 1: regret expects a number, got str 'much'"):
        SPEC.fields(settings)[0].to_numbers(record.values["regret"], record.where)


def test_a_file_without_records_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"my\.jsonl holds no records"):
        read(tmp_path, "\n", JsonlSettings(fields=REGRET))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file: .*nowhere\.jsonl"):
        list(SPEC.records(JsonlSettings(path=tmp_path / "nowhere.jsonl", fields=REGRET)))


def test_a_wrong_mapping_stops_before_the_file_is_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no field sorrow"):
        list(SPEC.records(JsonlSettings(path=tmp_path / "nowhere.jsonl", fields={"sorrow": "r"})))
