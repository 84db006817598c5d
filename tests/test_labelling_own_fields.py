"""Fields of a user's own in a labelling: declared in a file, asked for, checked, and read by a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from front_door import refuse, succeed
from labelling_bench import KEY, Bench, bench, texts, write_texts
from language_model import LanguageModel

from redheart_core import CATALOGUE, SettingsError
from redheart_core.storage.toml_text import parse_toml
from redheart_labelling.prompt import make_prompt
from redheart_labelling.schema import WrongAnswerError
from redheart_labelling.schema_option import read_schema

__all__ = ["bench"]

OWN = """
[topic]
kind = "labels"
labels = ["family", "돈", "work"]
meaning = "what the post is about"

[blame]
low = -2
high = 10
unit = "points"
meaning = "how much the writer blames others"

[voice]
kind = "distribution"
labels = ["active", "passive"]
meaning = "how the sentences are built"
"""
RIGHT: dict[str, Any] = {
    "regret": 0.5,
    "blame": 3,
    "topic": {"family": 1, "label_2": 0, "work": 0},
    "voice": {"active": 0.75, "passive": 0.25},
}


@pytest.fixture
def own(tmp_path: Path) -> str:
    """What --schema says: a field of the catalogue and the file."""
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    return f"{tmp_path / 'own.toml'}, regret"


def test_own_fields_stand_behind_those_of_the_catalogue_and_are_described_in_the_prompt(own: str) -> None:
    schema = read_schema(own)
    assert [field.name for field in schema.fields] == ["regret", "blame", "topic", "voice"]
    prompt = make_prompt(schema).system
    assert '- "blame": how much the writer blames others. A number from -2 to 10 (points).' in prompt
    assert '0 or 1 for each of these keys; several may be 1, or none: "family", "label_2" (돈), "work".' in prompt
    assert 'for each of these keys; the numbers sum to 1: "active", "passive".' in prompt
    assert schema.read(json.dumps(RIGHT))["topic"] == {"family": 1.0, "돈": 0.0, "work": 0.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"blame": 11}, r"blame expects a value in -2..10, got 11"),
        ({"blame": None}, "got null for blame"),
        ({"topic": {"family": 0.5, "label_2": 0, "work": 0}}, "topic.family expects 0 or 1, got 0.5"),
        ({"topic": {"family": 1, "돈": 0, "work": 0}}, "missing: label_2; unknown: 돈"),
        ({"voice": {"active": 0.7, "passive": 0.7}}, "voice"),
    ],
)
def test_answers_are_checked_against_the_declaration(own: str, change: dict[str, Any], says: str) -> None:
    with pytest.raises(WrongAnswerError, match=says):
        read_schema(own).read(json.dumps({**RIGHT, **change}))


DECLARATIONS = [
    ("", "declares no field"),
    ("blame = 3", r"\[blame\] has to be a table"),
    ("[blame", "is no TOML"),
    ('[blame]\nmeaning = "m"\nlow = 0', "has no high; give the range"),
    ("[blame]\nlow = 0\nhigh = 1", "has no meaning; say what it is"),
    ('[blame]\nmeaning = "m"\nlow = 0\nhigh = 1\ncolumn = "a"', "has no key 'column'"),
    ('[blame]\nmeaning = "m"\nkind = "labels"', 'needs at least 1 labels, got 0; give labels = \\["first"'),
    ('[blame]\nmeaning = "m"\nkind = "labels"\nlabels = ["a", "a"]', "labels have to be different names"),
    ('[blame]\nmeaning = "m"\nkind = "labels"\nlabels = [1]', "labels expects names, got 1"),
    ('[blame]\nmeaning = "m"\nkind = "labels"\nlabels = "ab"', "labels expects a list of names"),
    ('[blame]\nmeaning = "m"\nkind = "votes"\nlabels = ["a", "b"]', "votes are counts of many readers"),
    ('[blame]\nmeaning = "m"\nkind = "mood"', "kind expects one of values, labels, distribution, votes, got 'mood'"),
    ('[blame]\nmeaning = "m"\nlow = true\nhigh = 1', "low expects a number, got True"),
    ('[emotion]\nmeaning = "m"\nlow = 0\nhigh = 1', "redheart knows the field 'emotion'"),
    ('[text]\nmeaning = "m"\nlow = 0\nhigh = 1', "and not id, text, split, labelling"),
    ('["탓"]\nmeaning = "m"\nlow = 0\nhigh = 1', "is called by 1 to 64 of A-Z"),
    ('[language]\nmeaning = "m"\nlow = 0\nhigh = 1', "a field cannot be named 'language'"),
]


@pytest.mark.parametrize(("content", "says"), DECLARATIONS)
def test_a_wrong_declaration_is_refused_with_file_and_table(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=says) as refused:
        read_schema(str(path))
    assert f"--schema: {path}" in str(refused.value)


def test_a_file_that_is_not_there_and_a_field_of_two_files_are_refused(tmp_path: Path, own: str) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read: No such file"):
        read_schema(str(tmp_path / "none.toml"))
    (tmp_path / "more.toml").write_text('[blame]\nmeaning = "m"\nlow = 0\nhigh = 1', encoding="utf-8")
    with pytest.raises(SettingsError, match="blame is declared in two files"):
        read_schema(f"{own},{tmp_path / 'more.toml'}")
    with pytest.raises(SettingsError, match=r"there is no field 'mood'.*ends in \.toml"):
        read_schema("mood")


def test_another_declaration_is_another_question(own: str, tmp_path: Path) -> None:
    before = make_prompt(read_schema(own)).sha256
    (tmp_path / "own.toml").write_text(OWN.replace("high = 10", "high = 12"), encoding="utf-8")
    assert make_prompt(read_schema(own)).sha256 != before


@pytest.mark.slow
def test_a_run_reads_the_labels_at_once_and_its_model_answers_own_fields(bench: Bench, own: str) -> None:
    lines = [f"{line} It was {number} o'clock." for number, line in enumerate(texts(120))]
    write_texts(bench.folder, lines)
    with LanguageModel(own) as model:
        given = ("--endpoint", model.url(), "--model", "made-up", "-o", "labels")
        succeed("data", "label", "posts.txt", "--schema", own, *given, cwd=bench.folder, more={"OPENAI_API_KEY": KEY})
    tables = parse_toml((bench.output / "plugins.toml").read_text(encoding="utf-8"))["plugins"]["jsonl"]["fields"]
    assert tables["topic"] == {
        "column": "topic", "kind": "labels", "labels": ["family", "돈", "work"], "meaning": "what the post is about",
        "unit": "1",
    }  # fmt: skip
    plugins = ("--plugins", "labels/plugins.toml")
    small = ("--scale", "tiny", "--epochs", "2", "--set", "training.threads=1")
    shown = succeed("run", *plugins, "-o", "run", *small, cwd=bench.folder)
    assert "variant on test" in shown.out
    index = json.loads((bench.folder / "run" / "store" / "index.json").read_text(encoding="utf-8"))
    assert index["coverage"] == dict.fromkeys(("regret", "blame", "topic", "voice"), 120)
    found = succeed("analyze", "run/model", "--json", "--language", "en", lines[0], cwd=bench.folder).json()
    values = {one["field"]: one["values"] for one in found["findings"]}
    assert values.keys() == {"regret", "blame", "topic", "voice"}
    assert -2 <= values["blame"][0]["value"] <= 10
    assert [one["label"] for one in values["topic"]] == ["family", "돈", "work"]
    assert sum(one["value"] for one in values["voice"]) == pytest.approx(1.0, abs=1e-5)
    refuse(
        "data", "label", "posts.txt", "--schema", "blame", "--endpoint", "http://127.0.0.1:1/v1", "--model", "m", "-o",
        "other", cwd=bench.folder, says=["there is no field 'blame'", ".toml"],
    )  # fmt: skip
    assert "blame" not in CATALOGUE
