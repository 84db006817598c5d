"""`redheart analyze` and the Python API for a person in crisis: help first, in text, JSON, lines and notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from front_door import Finished, install, redheart, refuse, succeed

import redheart as api

CRISIS = "I told my neighbour the truth about the fence, and now I want to die."
DOUBTFUL = "I told my neighbour the truth about the fence. What is the point of it all?"
ACUTE = "He's outside my door with a knife."
CALM = "I told my neighbour the truth about the fence, and now he avoids me."
KOREAN = "친구를 도왔다. 나는 죽고 싶어요."

SIGNS = """
from redheart_core import SignSpec, hookimpl

@hookimpl
def redheart_provide_signs():
    return [SignSpec(
        "{name}", "made-up signs", "self_harm", "en", ({patterns},),
        ("purple fence", "a purple fence", "purple fences"),
        ("a fence", "purple", "neither"),
    )]
"""


def test_help_stands_alone_and_a_doubtful_line_of_it_before_the_answers(finished: Finished, tmp_path: Path) -> None:
    said = succeed("analyze", finished.model, CRISIS, cwd=tmp_path)
    lines = said.out.splitlines()
    assert "988" in lines[0]
    assert lines[-1] == ""
    assert not any(word in said.out + said.err for word in ("language:", "follow", "--details", "answered by"))
    doubtful = succeed("analyze", finished.model, DOUBTFUL, cwd=tmp_path).out.splitlines()
    assert "988" in doubtful[0]
    assert doubtful[1:3] == ["", "language: English"]
    assert "109" in redheart("analyze", finished.model, KOREAN, cwd=tmp_path).out.splitlines()[0]
    german = succeed("analyze", finished.model, CRISIS, "--country", "de", cwd=tmp_path).out
    assert "0800 1110111" in german.splitlines()[0]


def test_the_country_may_be_set_in_plugins_toml(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "plugins.toml").write_text('active = []\n[analysis]\ncountry = "GB"\n')
    assert "116 123" in succeed("analyze", finished.model, CRISIS, cwd=tmp_path).out.splitlines()[0]
    other = succeed("analyze", finished.model, CRISIS, "--country", "AU", cwd=tmp_path).out
    assert "13 11 14" in other.splitlines()[0]


def test_where_the_danger_is_now_nothing_else_is_said(finished: Finished, tmp_path: Path) -> None:
    said = succeed("analyze", finished.model, ACUTE, cwd=tmp_path).out
    assert "911" in said.splitlines()[0]
    assert "language" not in said
    document = succeed("analyze", finished.model, ACUTE, "--json", cwd=tmp_path).json()
    assert next(iter(document)) == "help"
    assert document["help"]["acute"]
    assert (document["answers"], document["findings"]) == ([], [])


def test_json_and_its_lines_have_help_first_and_none_where_there_is_no_sign(finished: Finished, tmp_path: Path) -> None:
    document = succeed("analyze", finished.model, CRISIS, "--json", cwd=tmp_path).json()
    assert next(iter(document)) == "help"
    assert document["help"]["helplines"][0]["contact"] == "988"
    assert (document["answers"], document["findings"], document["abstentions"]) == ([], [], [])
    assert succeed("analyze", finished.model, DOUBTFUL, "--json", cwd=tmp_path).json()["answers"]
    assert succeed("analyze", finished.model, CALM, "--json", cwd=tmp_path).json()["help"] is None
    lines = "".join(json.dumps({"text": text}) + "\n" for text in (CRISIS, CALM, CRISIS + "\x07"))
    answer = redheart("analyze", finished.model, "--jsonl", "-", given=lines.encode(), cwd=tmp_path)
    helps = [json.loads(line)["help"] for line in answer.out.splitlines() if "help" in json.loads(line)]
    assert [one is not None for one in helps] == [True, False, True]
    assert "refused" in json.loads(answer.out.splitlines()[2])


def test_help_comes_even_where_the_text_or_the_model_is_refused(finished: Finished, tmp_path: Path) -> None:
    for arguments in ([finished.model, CRISIS + "\x07"], ["no/such/model", CRISIS], [CRISIS, "--country", "1"]):
        answer = redheart("analyze", *arguments, cwd=tmp_path)
        assert answer.code == 1
        assert "988" in answer.out + answer.err
    broken = redheart("analyze", finished.model, CRISIS + "\x07", "--json", cwd=tmp_path)
    assert broken.json()["help"]["kinds"] == ["self_harm"]
    assert "control character" in broken.json()["refused"]


def test_the_python_api_says_the_same_and_shows_it_in_a_notebook(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = api.load(finished.model, country="KR")
    found = model.analyze(CRISIS)
    assert found.help is not None
    assert found.help.helplines[0].contact == "109"
    assert found.answers == ()
    assert "109" in found._repr_html_()
    assert "<table>" not in found._repr_html_()
    doubtful = model.analyze(DOUBTFUL)
    assert doubtful.answers
    assert doubtful._repr_html_().index("109") < doubtful._repr_html_().index("<table>")
    assert model.analyze(ACUTE).answers == ()
    assert model.analyze(CALM).help is None
    assert not any(CRISIS in path.read_text(errors="ignore") for path in tmp_path.rglob("*") if path.is_file())


def test_a_package_adds_signs_that_no_list_of_active_plugins_names(finished: Finished, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install(site, "purple", SIGNS.format(name="purple", patterns=r"r'purple fence'"))
    said = succeed(
        "analyze", finished.model, "I told my neighbour the truth about the purple fence.", cwd=tmp_path, site=site
    ).out
    assert "988" in said.splitlines()[0]


def test_a_broken_package_of_signs_is_an_error_behind_the_help_of_core(finished: Finished, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install(site, "odd", SIGNS.format(name="odd", patterns="'('"))
    answer = redheart("analyze", finished.model, CRISIS, cwd=tmp_path, site=site)
    assert answer.code == 1
    assert "988" in answer.out.splitlines()[0]
    assert "no regular expression" in answer.err
    refuse("analyze", finished.model, CALM, cwd=tmp_path, site=site, says=["plugin 'odd'", "no regular expression"])
