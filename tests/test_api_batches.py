"""A file of texts to a file of answers: the same answers as one by one, resumed, bounded, and without the texts."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
from front_door import Finished, redheart

import redheart as api
from redheart import analyzing, batches
from redheart.analysis_json import schema
from redheart.analyzing import Refused, analyze_records
from redheart.batch_lines import batch_form
from redheart.text_files import read_text_file
from redheart_core import DataError

TEXTS = [
    "My brother lost the garden and burned my letter.",
    "친구를 도왔다.",
    "The boss sold the house quietly.",
    "12345",
    "I told my neighbour the truth about the fence, and now he avoids me. " * 9,
    "He kept the purse that he had found.",
    "She returned the money, and I was glad of it.",
]
ACUTE = "He's outside my door with a knife."
CRISIS = "I told my neighbour the truth about the fence, and now I want to die."


@pytest.fixture(scope="module")
def model(finished: Finished) -> api.Model:
    return api.load(finished.model)


def write(path: Path, texts: Sequence[str]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "body"), *((f"r{n}", text) for n, text in enumerate(texts))])
    elif path.suffix == ".jsonl":
        lines = [json.dumps({"id": f"r{number}", "text": text}) + "\n" for number, text in enumerate(texts)]
        path.write_text("".join(lines), encoding="utf-8")
    else:
        path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def same(found: object, expected: object) -> bool:
    """Equal up to 1e-5 in numbers."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return list(found) == list(expected) and all(same(found[name], expected[name]) for name in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return found == pytest.approx(expected, rel=1e-4, abs=1e-5) if isinstance(expected, float) else found == expected


@pytest.mark.parametrize(("ending", "column"), [(".txt", None), (".csv", "body"), (".jsonl", None)])
def test_every_form_of_file_has_the_answers_of_single_texts(
    model: api.Model, tmp_path: Path, ending: str, column: str | None
) -> None:
    source = write(tmp_path / f"texts{ending}", TEXTS)
    result = model.analyze_file(source, tmp_path / "out.jsonl", column=column, details=True, progress=False)
    assert (result.lines, result.resumed, result.refused) == (len(TEXTS), 0, 1)
    lines, shift = read(tmp_path / "out.jsonl"), ending == ".csv"
    for line in lines:
        jsonschema.validate(line, schema())
    assert [line.pop("line") for line in lines] == [shift + number for number in range(1, len(TEXTS) + 1)]
    if ending != ".txt":
        assert [line.pop("id") for line in lines] == [f"r{number}" for number in range(len(TEXTS))]
    for line, text in zip(lines, TEXTS, strict=True):
        if text == "12345":
            assert line["refused"] == f"texts{ending} line {4 + shift}: the text has no letter, '12345'; " + (
                "give a sentence in words"
            )
        else:
            assert same(line, json.loads(json.dumps(model.analyze(text).to_json())))
    assert result.complaints == (lines[3]["refused"],)


def test_without_details_the_findings_of_plugins_are_left_out(model: api.Model, tmp_path: Path) -> None:
    source = write(tmp_path / "texts.txt", TEXTS[:1])
    model.analyze_file(source, tmp_path / "out.jsonl", progress=False)
    (line,) = read(tmp_path / "out.jsonl")
    assert "findings" not in line
    assert line["answers"]


def test_a_packed_file_is_read_too(model: api.Model, tmp_path: Path) -> None:
    source = write(tmp_path / "texts.txt", TEXTS)
    (tmp_path / "packed.txt.gz").write_bytes(gzip.compress(source.read_bytes()))
    assert model.analyze_file(tmp_path / "packed.txt.gz", tmp_path / "out.jsonl", progress=False).lines == len(TEXTS)


@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
@pytest.mark.parametrize("rest", [b"", b'{"help": null, "li', b"\xec\xb9"])
def test_what_was_stopped_goes_on_behind_the_last_whole_line(
    model: api.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, rest: bytes
) -> None:
    source, output = write(tmp_path / "texts.txt", TEXTS), tmp_path / f"out{ending}"
    model.analyze_file(source, tmp_path / f"whole{ending}", progress=False)
    windows: list[int] = []

    def stopping(model: api.Model, given: Any, language: str | None) -> Any:
        windows.append(len(given))
        if len(windows) == 3:
            raise KeyboardInterrupt
        return analyze_records(model, given, language)

    monkeypatch.setattr(batches, "WINDOW", 2)
    with monkeypatch.context() as broken:
        broken.setattr(batches, "analyze_records", stopping)
        with pytest.raises(KeyboardInterrupt):
            model.analyze_file(source, output, progress=False)
    with output.open("ab") as file:
        file.write(rest)
    result = model.analyze_file(source, output, progress=False)
    assert (result.lines, result.resumed, result.refused, len(result.complaints)) == (len(TEXTS), 4, 1, 1)
    if ending == ".jsonl":
        assert same(read(output), read(tmp_path / "whole.jsonl"))
    else:
        assert [line.split(",")[1] for line in output.read_text().splitlines()] == ["line", *"1234567"]
    before = output.read_bytes()
    again = model.analyze_file(source, output, progress=False)
    assert (again.lines, again.resumed, output.read_bytes()) == (len(TEXTS), len(TEXTS), before)


def test_an_output_of_something_else_is_refused_and_stays(model: api.Model, tmp_path: Path) -> None:
    source, output = write(tmp_path / "texts.csv", TEXTS), tmp_path / "out.jsonl"
    model.analyze_file(source, output, column="body", progress=False)
    before = output.read_bytes()
    other = attrs.evolve(model, safety=attrs.evolve(model.safety, country="AU"))
    for asked, options, says in (
        (model, {"column": "body", "language": "en"}, "another language"),
        (model, {"column": "id"}, "another column"),
        (model, {"column": "body", "details": True}, "another choice of details"),
        (other, {"column": "body"}, "another country"),
    ):
        with pytest.raises(DataError, match=says):
            asked.analyze_file(source, output, progress=False, **options)
    write(source, [*TEXTS, "One more."])
    with pytest.raises(DataError, match="another input; name another output, or delete it"):
        model.analyze_file(source, output, column="body", progress=False)
    assert output.read_bytes() == before
    (tmp_path / "mine.jsonl").write_text("my own notes\n")
    with pytest.raises(DataError, match="no output of this command"):
        model.analyze_file(source, tmp_path / "mine.jsonl", column="body", progress=False)
    assert (tmp_path / "mine.jsonl").read_text() == "my own notes\n"


def test_files_of_other_forms_are_refused_with_what_is_expected(model: api.Model, tmp_path: Path) -> None:
    source = write(tmp_path / "texts.txt", TEXTS)
    write(tmp_path / "table.csv", TEXTS)
    for given, output, column, says in (
        ("texts.pdf", "out.jsonl", None, "expects a .txt with one text a line"),
        ("texts.txt", "out.xlsx", None, "answers go to a .jsonl or a .csv"),
        ("texts.txt", "out.jsonl", "body", "a column is named, which a .txt has not"),
        ("table.csv", "out.jsonl", "words", r"one column 'words' \(columns: id, body\)"),
        ("none.txt", "out.jsonl", None, "none.txt: cannot be read"),
    ):
        with pytest.raises(DataError, match=says):
            model.analyze_file(tmp_path / given, tmp_path / output, column=column, progress=False)
        assert not (tmp_path / output).exists()
    assert source.exists()


def test_the_second_row_of_a_table_is_no_header_where_the_first_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_bytes("id,글\n1,One.\n".encode("cp949"))
    with pytest.raises(DataError, match=r"^posts\.csv line 1: not UTF-8"):
        list(read_text_file(file, "글"))


def test_the_texts_of_objects_may_stand_under_another_name(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text('{"body": "One.", "text": "a title", "id": 4}\n{"story": "Two."}\n')
    (_, first), (where, second) = read_text_file(file, "body")
    assert first == {"body": "One.", "text": "One.", "id": 4}
    assert (where, str(second)) == (
        "posts.jsonl line 2", "posts.jsonl line 2: expects a text in 'body', got an object of story",
    )  # fmt: skip


@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_of_a_text_with_a_crisis_help_stands_first_and_nothing_of_it_is_kept(
    model: api.Model, tmp_path: Path, ending: str
) -> None:
    source, output = (
        write(tmp_path / "texts.txt", [ACUTE, CRISIS, CRISIS + "\x07", TEXTS[0]]),
        tmp_path / f"out{ending}",
    )
    model.analyze_file(source, output, details=True, progress=False)
    written = output.read_text(encoding="utf-8")
    assert not any(words in written for words in ("knife", "outside my door", "want to die", "fence"))
    if ending == ".jsonl":
        acute, veiled, refused, calm = read(output)
        assert [next(iter(one)) for one in (acute, veiled, refused, calm)] == ["help"] * 4
        assert acute["help"]["acute"]
        assert (acute["answers"], acute["findings"]) == ([], [])
        assert veiled["help"]["helplines"][0]["contact"] == "988"
        assert (veiled["answers"], veiled["findings"]) == ([], [])
        assert "U+0007" in refused["refused"]
        assert calm["help"] is None
        return
    head, *rows = csv.reader(written.splitlines())
    assert head[0] == "help"
    assert ["911" in rows[0][0], "988" in rows[1][0], "988" in rows[2][0], rows[3][0]] == [True, True, True, ""]
    assert set(rows[0][2:]) == set(rows[1][2:]) == {"", "en"}


def test_a_table_has_labels_in_words_and_values_as_numbers(model: api.Model, tmp_path: Path) -> None:
    source = write(tmp_path / "texts.txt", TEXTS[:1])
    model.analyze_file(source, tmp_path / "out.csv", progress=False)
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines())
    found = model.analyze(TEXTS[0])
    answer = found.answer("regret")
    assert float(row["regret"]) == pytest.approx(answer.values[0].value, abs=1e-5)
    assert set(row["emotion"].split("; ")) == set(found.label_set("emotion"))
    assert row["language"] == "en"


def test_a_table_has_no_numbers_of_answers_measured_on_texts_unlike_a_text(model: api.Model) -> None:
    """With details they are there, and the row says what they are worth."""
    found = model.analyze(TEXTS[0])
    changed = next(one for one in found.answers if one.field == "regret")
    assert changed.certainty is not None
    elsewhere = attrs.evolve(changed.certainty, measured_on=("diaries",), unlike=True)
    answers = [attrs.evolve(one, certainty=elsewhere) if one is changed else one for one in found.answers]
    said = attrs.evolve(found, answers=tuple(answers))
    note = f"{changed.field}: measured on texts unlike this one (diaries)"

    def row(said: api.Analysis, *, details: bool) -> dict[str, str]:
        form = batch_form(model, Path("answers.csv"), details)
        (cells,) = csv.DictReader((form.head + form.line(1, TEXTS[0], said)).decode().splitlines())
        return cells

    def numbers(cells: dict[str, str]) -> list[str]:
        return [cell for name, cell in cells.items() if name.partition(".")[0] == changed.field]

    assert any(numbers(row(found, details=False)))
    assert not any(numbers(row(said, details=False)))
    assert row(said, details=False)["not_answered"].endswith(note)
    assert numbers(row(said, details=True)) == numbers(row(found, details=True))
    assert row(said, details=True)["warnings"].endswith(note)
    assert note not in row(said, details=True)["not_answered"]


def test_memory_holds_a_window_of_texts_and_not_the_file(
    model: api.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "texts.txt", [TEXTS[0]] * 9)
    sizes: list[int] = []

    def counting(model: api.Model, given: Any, language: str | None) -> Any:
        sizes.append(len(given))
        return [Refused(DataError("not asked here"), None)] * len(given)

    monkeypatch.setattr(batches, "analyze_records", counting)
    monkeypatch.setattr(batches, "WINDOW", 4)
    model.analyze_file(source, tmp_path / "few.jsonl", progress=False)
    assert sizes == [4, 4, 1]
    sizes.clear()
    monkeypatch.setattr(analyzing, "WINDOW_CHARS", 2 * len(TEXTS[0]))
    model.analyze_file(source, tmp_path / "short.jsonl", progress=False)
    assert sizes == [2, 2, 2, 2, 1]


def test_the_command_names_and_counts_what_was_refused(finished: Finished, tmp_path: Path) -> None:
    write(tmp_path / "texts.csv", TEXTS)
    asked = ("analyze", finished.model, "--texts", "texts.csv", "--column", "body", "-o", "out.csv")
    for before in ("7 texts; 1 refused", "7 texts, 7 of them before; 1 refused"):
        answer = redheart(*asked, cwd=tmp_path)
        assert answer.code == 4
        assert answer.out == ""
        assert before in answer.err
        assert "refused: texts.csv line 5: the text has no letter" in answer.err
    assert redheart("analyze", finished.model, "--texts", "texts.csv", cwd=tmp_path).code == 2
    assert redheart("analyze", finished.model, "--column", "body", TEXTS[0], cwd=tmp_path).code == 2
