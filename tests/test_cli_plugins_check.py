"""`redheart plugins check` tells good plugins from broken ones, by name and by folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from front_door import Answer, redheart

from redheart_cli.plugins import told_once
from redheart_core.testing import DATASET_CHECKS, PLUGIN_CHECKS, CheckResult

DIARY = '''
"""A data set of two texts."""

import attrs
from redheart_core import DatasetSpec, Field, Record, hookimpl


@attrs.frozen
class Settings:
    """Nothing to set."""


def fields(settings):
    return (Field("regret", "how much there is to regret", 0.0, 1.0),)


def records(settings):
    yield Record("a", "I left early.", {{"regret": {regret}}}, "the first line")
    yield Record("b", "I stayed.", {{"regret": 0.5}}, "the second line")


@hookimpl
def redheart_provide_datasets():
    return [DatasetSpec("{name}", "two texts", Settings, fields, records)]
'''


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has a working directory of its own, and leaves no plugin of a folder imported."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield
    for module in set(sys.modules) - before:
        if module.startswith("redheart_made_"):
            del sys.modules[module]


def check(*arguments: str) -> Answer:
    return redheart("plugins", "check", *arguments, cwd=Path())


def write_folder(name: str, source: str) -> str:
    package = Path(name, f"redheart_{name}")
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source, encoding="utf-8")
    return f"./{name}"


def test_a_good_plugin_passes_every_check_of_its_kind() -> None:
    result = check("village", "--json")
    assert result.code == 0, result.err
    rows = json.loads(result.out)
    assert len(rows) == len(PLUGIN_CHECKS) + len(DATASET_CHECKS)
    assert {(row["plugin"], row["status"], row["message"]) for row in rows} == {("village", "passed", "")}
    assert result.err == "check: 0 of 1\ncheck: 1 of 1\n"


def test_a_reason_that_fails_several_checks_is_told_once() -> None:
    failed = [
        ("one", "built", "no\nwidth"),
        ("one", "falls", "no width"),
        ("one", "grows", "too\nsmall"),
        ("two", "built", "no width"),
    ]
    results = [CheckResult(plugin, check, "failed", message) for plugin, check, message in failed]
    skipped = [CheckResult("one", check, "skipped", "it is not fitted") for check in ("fits", "fits twice")]
    assert [message for _, message in told_once([*results, *skipped])] == [
        "no width",
        "the same as 'built'",
        "too small",
        "no width",
        "it is not fitted",
        "it is not fitted",
    ]


def test_a_broken_plugin_in_a_folder_is_named_with_its_check_and_the_exit_code_is_1() -> None:
    good = write_folder("made_good", DIARY.format(name="made_good", regret=0.25))
    bad = write_folder("made_bad", DIARY.format(name="made_bad", regret=1.5))
    result = check(good, bad)
    assert result.code == 1
    header, *rows, summary = result.out.splitlines()
    assert header.split() == ["PLUGIN", "CHECK", "STATUS", "MESSAGE"]
    failed = [row for row in rows if " failed " in row]
    assert [row.split()[:3] for row in failed] == [["made_bad", "records", "failed"]]
    assert "the first line" in failed[0]
    assert summary == "plugins 2; checks 16: passed 15, failed 1, skipped 0"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def unfinished(:\n", "SyntaxError"),
        (DIARY.format(name="Another", regret=0.5), "plugin 'Another' "),
    ],
)
def test_a_folder_that_cannot_be_loaded_fails_and_the_others_are_checked(source: str, message: str) -> None:
    bad = write_folder("made_bad", source)
    good = write_folder("made_good", DIARY.format(name="made_good", regret=0.25))
    rows = json.loads(check(bad, good, "--json").out)
    assert [row["check"] for row in rows if row["status"] == "failed"] == ["loading"]
    assert message in rows[0]["message"]
    assert {row["status"] for row in rows if row["plugin"] == "made_good"} == {"passed"}


def test_a_folder_without_a_plugin_fails() -> None:
    Path("made_nothing").mkdir()
    result = check("made_nothing")
    assert result.code == 1
    assert "made_nothing holds no plugin" in result.out


def test_without_names_all_active_plugins_are_checked_with_their_settings() -> None:
    Path("my.jsonl").write_text('{"id": "a", "text": "I left.", "r": 0.5}\n{"id": "b", "text": "I stayed."}\n')
    Path("plugins.toml").write_text(
        'active = ["jsonl", "csv"]\n[plugins.jsonl]\npath = "my.jsonl"\nfields = { regret = "r" }\n'
    )
    result = check("--json")
    assert result.code == 0, result.err
    rows = json.loads(result.out)
    assert {row["plugin"] for row in rows} == {"jsonl", "csv"}
    assert {row["status"] for row in rows if row["plugin"] == "jsonl"} == {"passed"}
    (skipped,) = [row for row in rows if row["status"] == "skipped"]
    assert skipped["plugin"] == "csv"
    assert "needs settings" in skipped["message"]
    assert check("--disable", "csv", "--disable", "jsonl").out.endswith("checks 0: passed 0, failed 0, skipped 0\n")


def test_an_unknown_name_is_an_error_that_lists_the_installed_ones_before_anything_is_checked() -> None:
    result = check("village", "nobody")
    assert (result.code, result.out) == (1, "")
    assert "Error: there is no plugin, no package and no folder 'nobody' (installed: adapted_encoder" in result.err


def test_wrong_options_are_errors() -> None:
    result = check("village", "--set", "nobody.width=3")
    assert result.code == 1
    assert "there is no plugin or table 'nobody'" in result.err
