"""What the data set `goemotions` reads and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from redheart_core import CATALOGUE, DataError, DatasetSpec, Record
from redheart_core.data.ekman import EKMAN
from redheart_goemotions import redheart_provide_datasets
from redheart_goemotions.settings import GoemotionsSettings

DATA = Path(__file__).parents[3] / "../shared/data"
EMOTIONS = CATALOGUE["goemotions"].labels


def folder_with(folder: Path, train: bytes, dev: bytes = b"I stayed.\t27\tz1\n") -> GoemotionsSettings:
    (folder / "train.tsv").write_bytes(train)
    (folder / "dev.tsv").write_bytes(dev)
    (folder / "emotions.txt").write_text("\n".join(EMOTIONS), encoding="utf-8")
    return GoemotionsSettings(path=folder)


def spec(name: str = "goemotions") -> DatasetSpec:
    (found,) = (one for one in redheart_provide_datasets() if one.name == name)
    return found


def read(settings: GoemotionsSettings, name: str = "goemotions") -> list[Record]:
    return list(spec(name).records(settings))


def chosen(value: object) -> set[str]:
    assert isinstance(value, dict)
    assert set(value.values()) <= {0.0, 1.0}
    return {label for label, number in value.items() if number}


def test_train_stays_train_and_dev_becomes_test(tmp_path: Path) -> None:
    records = read(folder_with(tmp_path, b"I left.\t2\ta1\n", b"I stayed.\t27\tz1\n"))
    assert [(record.id, record.text, record.split, record.where, record.language) for record in records] == [
        ("a1", "I left.", "train", "train.tsv line 1", "en"),
        ("z1", "I stayed.", "test", "dev.tsv line 1", "en"),
    ]


def test_label_ids_count_the_lines_of_emotions_txt_and_map_to_ekman(tmp_path: Path) -> None:
    record = read(folder_with(tmp_path, b"I left.\t4,10,27\ta1\n"))[0]
    assert chosen(record.values["goemotions"]) == {"approval", "disapproval", "neutral"}
    assert chosen(record.values["ekman"]) == {"joy", "anger", "neutral"}
    for field in spec().fields(GoemotionsSettings()):
        assert field.to_numbers(record.values[field.name], record.where).sum() == 3


def test_each_emotion_belongs_to_exactly_one_basic_emotion() -> None:
    assert sorted(label for labels in EKMAN.values() for label in labels) == sorted(EMOTIONS)
    assert tuple(EKMAN) == CATALOGUE["ekman"].labels


@pytest.mark.parametrize(("labels", "names"), [("all", ["goemotions"]), ("ekman", ["ekman"])])
def test_one_set_of_labels_can_be_read_alone(tmp_path: Path, labels: str, names: list[str]) -> None:
    folder_with(tmp_path, b"I left.\t2\ta1\n")
    settings = GoemotionsSettings(path=tmp_path, labels=labels)  # type: ignore[arg-type] # one of the literals
    assert [field.name for field in spec().fields(settings)] == names
    assert list(read(settings)[0].values) == names


def test_quotation_is_undone_in_english_and_kept_in_korean(tmp_path: Path) -> None:
    settings = folder_with(tmp_path, b'"He said ""no""."\t2\ta1\n')
    assert read(settings)[0].text == 'He said "no".'
    folder_with(tmp_path, '"그는" "아니"\t2\n'.encode(), "네\t3\n".encode())
    assert read(GoemotionsSettings(path=tmp_path), "goemotions_ko")[0].text == '"그는" "아니"'


def test_korean_ids_are_of_their_own_and_name_part_and_row(tmp_path: Path) -> None:
    folder_with(tmp_path, ": ((\t27\n네\t3\n".encode(), "네\t3\n".encode())
    (tmp_path / "emotions.txt").unlink()
    records = read(GoemotionsSettings(path=tmp_path), "goemotions_ko")
    assert [(record.id, record.language) for record in records] == [("ko-train-2", "ko"), ("ko-dev-1", "ko")]


def test_a_comment_and_its_translation_are_one_cluster(tmp_path: Path) -> None:
    rows = b"I left.\t2\ta1\n:((\t27\ta2\nI love it.\t18\ta3\n"
    english = {record.id: record.cluster for record in read(folder_with(tmp_path, rows))}
    folder_with(tmp_path, "나는 떠났다.\t2\n너무\t27\n좋아요.\t18\n".encode(), "네\t27\n".encode())
    korean = {record.id: record.cluster for record in read(GoemotionsSettings(path=tmp_path), "goemotions_ko")}
    assert english["a1"] == korean["ko-train-1"]
    assert english["a3"] == korean["ko-train-3"]
    assert english["z1"] == korean["ko-dev-1"]
    assert len({*korean.values()}) == 4


def test_a_comment_without_a_letter_is_left_out(tmp_path: Path) -> None:
    assert [record.id for record in read(folder_with(tmp_path, b":((\t27\ta1\nI left.\t2\ta2\n"))] == ["a2", "z1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"I left.\t2", r"expects 3 columns \(text, label ids, id\), got 2"),
        (b"I left.\t28\ta2", r"unknown label id '28' in '28' \(ids: 0 to 27\)"),
        (b"I left.\tjoy\ta2", "unknown label id 'joy'"),
        (b"I left.\t2,2\ta2", "a label id stands twice in '2,2'"),
        (b"  \t2\ta2", "text is empty"),
        (b"I left.\t2\t ", "id is empty"),
        (b"I left.\t2\ta1", r"the id 'a1' already stands in train\.tsv line 1"),
        (b"I \xe9 left.\t2\ta2", "not UTF-8"),
        (b'"I left.\t2\ta2', "broken quotation"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: bytes, message: str) -> None:
    settings = folder_with(tmp_path, b"I left.\t2\ta1\n" + line + b"\n")
    with pytest.raises(DataError, match=rf"train\.tsv line 2: {message}"):
        read(settings)


def test_an_id_comes_once_even_across_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dev\.tsv line 1: the id 'a1' already stands in train\.tsv line 1"):
        read(folder_with(tmp_path, b"I left.\t2\ta1\n", b"I stayed.\t2\ta1\n"))


def test_emotions_txt_has_to_hold_the_known_order(tmp_path: Path) -> None:
    settings = folder_with(tmp_path, b"I left.\t2\ta1\n")
    (tmp_path / "emotions.txt").write_text("\n".join((EMOTIONS[1], EMOTIONS[0], *EMOTIONS[2:])), encoding="utf-8")
    with pytest.raises(DataError, match=r"emotions\.txt line 1: expects 'admiration', got 'amusement'"):
        read(settings)
    (tmp_path / "emotions.txt").write_text("\n".join(EMOTIONS[:-1]), encoding="utf-8")
    with pytest.raises(DataError, match=r"emotions\.txt: expects 28 lines, one per emotion, got 27"):
        read(settings)


@pytest.mark.parametrize("name", ["train.tsv", "dev.tsv", "emotions.txt"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    settings = folder_with(tmp_path, b"I left.\t2\ta1\n")
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"data set 'goemotions': .* holds neither {name}.gz nor {name}"):
        read(settings)


@pytest.mark.skipif(not (DATA / "goemotions_ko").is_dir(), reason="the folder shared/data is not beside the repository")
def test_the_published_files_are_whole_and_the_languages_have_the_same_rows() -> None:
    english = read(GoemotionsSettings(path=DATA / "goemotions"))
    korean = read(GoemotionsSettings(path=DATA / "goemotions_ko"), "goemotions_ko")
    fields = spec().fields(GoemotionsSettings())
    for record in (*english[::50], *korean[::50]):
        for field in fields:
            assert np.isfinite(field.to_numbers(record.values[field.name], record.where)).all()
    # of 43,410 and 5,426 rows these are without those that have no letter
    assert [record.split for record in english] == ["train"] * 43407 + ["test"] * 5426
    assert [record.split for record in korean] == ["train"] * 43406 + ["test"] * 5426
    assert {record.id for record in english}.isdisjoint(record.id for record in korean)
    rows = {record.where: record.values for record in english}
    assert all(rows[record.where] == record.values for record in korean if record.where in rows)
    assert sum(chosen(record.values["ekman"]) == {"neutral"} for record in english[43407:]) == 1592
