"""What the data set `scenarios` reads and refuses."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from redheart_core import DataError, DatasetSpec, Record
from redheart_scenarios import redheart_provide_datasets
from redheart_scenarios.settings import ScenariosSettings

REAL = Path(__file__).parents[3] / "../shared/data/scenarios"


def scenario(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "id": f"s{number}",
        "title": "AITA for leaving?",
        "text": "I left.",
        "emotions": {
            "joy": 0.1,
            "trust": 0.1,
            "fear": 0.1,
            "surprise": 0.1,
            "sadness": 0.2,
            "disgust": 0.2,
            "anger": 0.2,
        },
        "regret_factor": 0.5,
        "bentham_scores": {"intensity": 0.1, "duration": 0.2, "certainty": 0.3, "propinquity": 0.4},
        "choice_factors": {"selection": 0.1, "uncertainty": 0.2, "risk": 0.3, "decision": 0.4},
        "label_scores": {"AUTHOR": 3, "OTHER": 4, "EVERYBODY": 0, "NOBODY": 1, "INFO": 0},
        **changes,
    }


def packed(*records: Mapping[str, object]) -> bytes:
    return gzip.compress("\n".join(json.dumps(record) for record in records).encode())


def folder_with(folder: Path, train: bytes, dev: bytes | None = None) -> ScenariosSettings:
    (folder / "train.jsonl.gz").write_bytes(train)
    (folder / "dev.jsonl.gz").write_bytes(packed(scenario(900)) if dev is None else dev)
    return ScenariosSettings(path=folder)


def spec() -> DatasetSpec:
    (only,) = redheart_provide_datasets()
    return only


def read(settings: ScenariosSettings) -> list[Record]:
    return list(spec().records(settings))


def test_train_stays_train_and_dev_becomes_test(tmp_path: Path) -> None:
    records = read(folder_with(tmp_path, packed(scenario(1), scenario(2)), packed(scenario(3))))
    assert [(record.id, record.split, record.where) for record in records] == [
        ("s1", "train", "train.jsonl.gz line 1"),
        ("s2", "train", "train.jsonl.gz line 2"),
        ("s3", "test", "dev.jsonl.gz line 1"),
    ]
    assert {record.language for record in records} == {"en"}


def test_every_field_gets_its_own_numbers(tmp_path: Path) -> None:
    record = read(folder_with(tmp_path, packed(scenario())))[0]
    fields = {field.name: field for field in spec().fields(ScenariosSettings())}
    numbers = {name: field.to_numbers(record.values[name], record.where).tolist() for name, field in fields.items()}
    expected = {
        "emotion": [0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2],
        "regret": 0.5,
        "bentham": [0.1, 0.2, 0.3, 0.4],
        "choice_factors": [0.1, 0.2, 0.3, 0.4],
        "votes": [3.0, 4.0, 0.0, 1.0, 0.0],
    }
    assert numbers.keys() == expected.keys()
    for name, values in expected.items():
        assert numbers[name] == pytest.approx(values)
    assert fields["bentham"].labels == ("intensity", "duration", "certainty", "propinquity")
    assert record.values.keys() == fields.keys()


def test_a_label_that_is_not_there_is_missing_and_not_a_number(tmp_path: Path) -> None:
    lacking = scenario()
    del lacking["regret_factor"], lacking["bentham_scores"]
    record = read(folder_with(tmp_path, packed(lacking)))[0]
    assert record.values["regret"] is None
    assert record.values["bentham"] is None
    regret = spec().fields(ScenariosSettings())[1]
    assert math.isnan(regret.to_numbers(record.values["regret"], record.where))


def test_the_title_is_a_paragraph_in_front_unless_switched_off(tmp_path: Path) -> None:
    settings = folder_with(tmp_path, packed(scenario()))
    assert read(settings)[0].text == "AITA for leaving?\n\nI left."
    assert read(ScenariosSettings(path=tmp_path, with_title=False))[0].text == "I left."
    whole = read(ScenariosSettings(path=tmp_path))[0].text
    assert read(ScenariosSettings(path=tmp_path, first_chars=5))[0].text == whole[:5].rstrip()
    assert read(ScenariosSettings(path=tmp_path, first_chars=10_000))[0].text == whole


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a &amp; b", "a & b"),
        ("one\n\n&amp;#x200B;\n\ntwo", "one\n\n\n\ntwo"),
        ("&amp;lt;3", "<3"),
        ("in\u200bvisi\ufeffble\u2060", "invisible"),
        ("&quot;yes&quot; &#39;no&#39;", "\"yes\" 'no'"),
        (" 100% & more; ", "100% & more;"),
    ],
)
def test_entities_become_characters_and_invisible_ones_go(tmp_path: Path, raw: str, clean: str) -> None:
    folder_with(tmp_path, packed(scenario(text=raw)))
    assert read(ScenariosSettings(path=tmp_path, with_title=False))[0].text == clean


def test_unpacked_files_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(json.dumps(scenario(1)), encoding="utf-8")
    (tmp_path / "dev.jsonl").write_text(json.dumps(scenario(2)), encoding="utf-8")
    assert [record.where for record in read(ScenariosSettings(path=tmp_path))] == [
        "train.jsonl line 1",
        "dev.jsonl line 1",
    ]


def test_without_a_path_the_message_says_how_to_give_it() -> None:
    with pytest.raises(DataError, match=r'path = "\.\.\." under \[plugins\.scenarios\].*--set scenarios\.path='):
        read(ScenariosSettings())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist; expected a folder with train\.jsonl\.gz"):
        read(ScenariosSettings(path=tmp_path / "nowhere"))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    folder_with(tmp_path, packed(scenario()))
    with pytest.raises(DataError, match=r"train\.jsonl\.gz is a file, not a folder; expected"):
        read(ScenariosSettings(path=tmp_path / "train.jsonl.gz"))


def test_a_missing_part_is_found_before_the_other_is_read(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("not even JSON", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds neither dev\.jsonl\.gz nor dev\.jsonl"):
        read(ScenariosSettings(path=tmp_path))


def test_two_forms_of_one_part_are_refused(tmp_path: Path) -> None:
    settings = folder_with(tmp_path, packed(scenario()))
    (tmp_path / "dev.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds both dev\.jsonl\.gz and dev\.jsonl"):
        read(settings)


def test_a_truncated_file_is_an_error_and_not_a_shorter_data_set(tmp_path: Path) -> None:
    settings = folder_with(tmp_path, packed(scenario(1), scenario(2))[:-20])
    with pytest.raises(DataError, match=r"train\.jsonl\.gz: the gzip data breaks off"):
        read(settings)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": "s1", ', r"train\.jsonl\.gz line 2: broken JSON"),
        (b"3", r"train\.jsonl\.gz line 2: expects a JSON object, got int"),
        (b'{"id": "\xff"}', r"train\.jsonl\.gz line 2: not UTF-8"),
        (b'{"title": "T", "text": "I left."}', r"train\.jsonl\.gz line 2: expects the key 'id' \(keys: title, text\)"),
        (b'{"id": "b", "title": "T"}', r"train\.jsonl\.gz line 2: expects the key 'text'"),
        (b'{"id": "b", "text": "I left."}', r"train\.jsonl\.gz line 2: expects the key 'title'"),
        (b'{"id": "", "title": "T", "text": "I left."}', r"train\.jsonl\.gz line 2: id is empty"),
        (b'{"id": "b", "title": "T", "text": " &amp;#x200B; "}', r"train\.jsonl\.gz line 2: text is empty"),
        (b'{"id": "b", "title": "T", "text": ["I left."]}', r"line 2: text expects a string, got list"),
        (b'{"id": 7, "title": "T", "text": "I left."}', r"line 2: id expects a string, got int 7"),
    ],
)
def test_a_bad_record_is_named_by_file_and_line(tmp_path: Path, line: bytes, message: str) -> None:
    settings = folder_with(tmp_path, gzip.compress(json.dumps(scenario()).encode() + b"\n" + line))
    with pytest.raises(DataError, match=message):
        read(settings)


def test_an_id_that_comes_twice_names_both_lines_even_across_files(tmp_path: Path) -> None:
    settings = folder_with(tmp_path, packed(scenario(1), scenario(2)), packed(scenario(2)))
    with pytest.raises(DataError, match=r"dev\.jsonl\.gz line 1: .* 's2' already stands in train\.jsonl\.gz line 2"):
        read(settings)


def test_a_wrong_label_is_refused_by_its_field_with_the_line(tmp_path: Path) -> None:
    wrong = scenario(regret_factor=1.5, bentham_scores={"intensity": 0.1, "extent": 0.2})
    record = read(folder_with(tmp_path, packed(wrong)))[0]
    fields = {field.name: field for field in spec().fields(ScenariosSettings())}
    with pytest.raises(DataError, match=r"train\.jsonl\.gz line 1: regret expects a value in 0\.\.1, got 1\.5"):
        fields["regret"].to_numbers(record.values["regret"], record.where)
    with pytest.raises(DataError, match=r"train\.jsonl\.gz line 1: field 'bentham' has no label extent"):
        fields["bentham"].to_numbers(record.values["bentham"], record.where)


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder shared/data/scenarios is not beside the repository")
def test_the_published_files_are_whole_and_every_value_passes_its_field() -> None:
    records = read(ScenariosSettings(path=REAL))
    fields = spec().fields(ScenariosSettings())
    for record in records:
        for field in fields:
            assert np.isfinite(field.to_numbers(record.values[field.name], record.where)).all()
        assert "\u200b" not in record.text
        assert "&amp;" not in record.text
    assert [record.split for record in records] == ["train"] * 7873 + ["test"] * 983
