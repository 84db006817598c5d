"""redheart decide on the command line: input that is not whole, and help first."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from redheart_cli.main import cli

ACUTE = "I have the pills in my hand and I am going to kill myself now"


def decide(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["decide", *arguments], input=given)


def test_acts_or_a_file_and_not_both(tmp_path: Path) -> None:
    assert decide().exit_code == 2
    (tmp_path / "d.json").write_text("{}")
    both = decide("going home", "staying here", "--file", str(tmp_path / "d.json"))
    assert both.exit_code == 2
    assert "give two or more acts, each in quotation marks, or a dilemma with --file" in both.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"acts": [', "<stdin>: broken JSON|standard input: broken JSON|broken JSON, .* in line 1, character"),
        ('{"acts": ["going home", "staying"], "probabilities": [NaN, 1]}', "NaN is not a JSON number"),
        ('{"acts": ["going home"], "acts": ["staying"]}', "the key acts stands twice"),
        ('["going home", "staying here"]', "expects a JSON object with 'acts', got list"),
        ('{"acts": ["going home"]}', "a choice needs two acts or more, got 1"),
        ('{"acts": "going home"}', "acts: expects"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_dilemma_is_refused(content: str, message: str) -> None:
    found = decide("--file", "-", given=content)
    assert found.exit_code == 1
    assert re.search(message, found.output)


def test_a_weight_is_a_criterion_and_a_number() -> None:
    assert "expects CRITERION=NUMBER" in decide("going home", "staying here", "--weight", "utility").output
    assert "there is no criterion joy" in decide("going home", "staying here", "--weight", "joy=1").output


@pytest.mark.parametrize(("text", "number"), [(ACUTE, "911"), ("I want to die.", "988")])
def test_help_comes_first_and_alone(text: str, number: str) -> None:
    found = decide(text, "telling my sister", "--country", "US")
    assert found.exit_code == 0
    assert number in found.output.splitlines()[0]
    assert not any(words in found.output for words in ("ordered by", "no order", "in the words", "follow"))
    table = json.loads(decide(text, "telling my sister", "--json").stdout)
    assert (table["acts"], table["ranking"], table["crowd"]) == ([], None, None)


def test_help_stands_beside_a_refusal_in_json() -> None:
    given = json.dumps({"acts": [ACUTE]})
    found = decide("--file", "-", "--json", "--country", "US", given=given)
    assert found.exit_code == 1
    table = json.loads(found.stdout)
    assert table["help"]["acute"]
    assert "two acts or more" in table["refused"]
