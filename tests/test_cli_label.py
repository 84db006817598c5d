"""redheart data label as a user meets it: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from front_door import Answer, redheart, refuse
from labelling_bench import KEY, texts, write_texts
from language_model import LanguageModel, Request, Response, labels, said

FIELDS = "emotion,regret"
KEYS = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}


def arguments(url: str, *more: str | Path) -> tuple[str | Path, ...]:
    question = ("--schema", FIELDS, "--endpoint", url, "--model", "made-up")
    return ("data", "label", "posts.txt", *question, "-o", "labels", *more)


def label(model: LanguageModel, folder: Path, *more: str | Path, count: int = 20) -> Answer:
    write_texts(folder, texts(count))
    return redheart(*arguments(model.url(), *more), cwd=folder, more=KEYS)


def test_it_says_what_was_labelled_what_it_cost_and_how_to_go_on(tmp_path: Path, quick_disk: None) -> None:
    with LanguageModel(FIELDS) as model:
        answer = label(model, tmp_path, "--budget", "1", "--price-in", "1", "--price-out", "5", "--passes", "2")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == [
        "labels: 20 of 20 texts labelled; 41 of 41 answers, 0 failed",
        "noise floor  labelled twice  mean difference  sd of one labelling  sd over passes",
        "emotion      1               0.0000           0.0000               0.0000",
        "regret       1               0.0000           0.0000               0.0000",
        "41 requests: 41 right",
        "8,200 tokens in and 1,640 out; cost 0.0164",
        "train on them: redheart run --plugins labels/plugins.toml",
    ]
    assert answer.err.splitlines()[-1] == "answers: 41 of 41; 9,840 tokens, cost 0.0164 of 1"
    assert KEY not in answer.out + answer.err


def test_failures_are_named_and_make_exit_code_4(tmp_path: Path, quick_disk: None) -> None:
    def behave(request: Request) -> Response:
        return said(request, "no" if request.text == texts(2)[1] else labels(FIELDS, request.text))

    with LanguageModel(FIELDS, behave) as model:
        answer = label(model, tmp_path, "--attempts", "2")
    assert answer.code == 4
    assert "labels: 19 of 20 texts labelled; 20 of 21 answers, 1 failed" in answer.out
    assert "failed: posts.txt:2: pass 1: 2 wrong answers, the last: the answer is not JSON" in answer.out
    assert "--retry-failed asks again for what failed" in answer.out
    assert "22 requests: 20 right, 2 wrong" in answer.out


def test_a_spent_budget_makes_exit_code_3(tmp_path: Path, quick_disk: None) -> None:
    with LanguageModel(FIELDS) as model:
        answer = label(model, tmp_path, "--budget-tokens", "5000")
        assert model.tokens <= 5000
    assert answer.code == 3
    assert "stopped: the next request could exceed the budget; the same command with a larger one goes on" in answer.out


def test_json_has_everything(tmp_path: Path, quick_disk: None) -> None:
    with LanguageModel(FIELDS) as model:
        found: dict[str, Any] = label(model, tmp_path, "--json", count=3).json()
    assert (found["texts"], found["labelled"], found["failed"]) == (3, 3, {})
    assert found["requests"]["sent"] == 4


REFUSED: list[tuple[tuple[str, ...], list[str]]] = [
    (("--endpoint", "http://example.com/v1"), ["in clear text to example.com; use https"]),
    (("--endpoint", "https://u:p@example.com"), ["holds a user, a password, a query or a fragment"]),
    (("--endpoint", "https://example.com/?key=1"), ["holds a user, a password, a query or a fragment"]),
    (("--endpoint", "example.com"), ["--endpoint expects https://HOST[:PORT][/PATH]"]),
    (("--endpoint", "https://example.com:x"), ["--endpoint is no address"]),
    (("--schema", "mood"), ["there is no field 'mood'", "choice_factors"]),
    (("--budget", "1"), ["--budget is in money, and no price is known"]),
    (("--key-variable", "NO_SUCH_KEY"), ["no key in the environment variable NO_SUCH_KEY"]),
    (("--column", "body"), ["a column is named, which a .txt has not"]),
]


@pytest.mark.parametrize(("more", "says"), REFUSED)
def test_mistakes_are_refused_before_anything_is_sent(tmp_path: Path, more: tuple[str, ...], says: list[str]) -> None:
    write_texts(tmp_path, texts(2))
    refuse(*arguments("http://127.0.0.1:9/v1", *more), cwd=tmp_path, more=KEYS, says=says)
    assert not (tmp_path / "labels").exists()


@pytest.mark.parametrize("option", ["--budget", "--price-in", "--relabel", "--temperature", "--timeout"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "much"])
def test_numbers_are_finite_and_in_their_range(tmp_path: Path, option: str, value: str) -> None:
    answer = redheart(*arguments("http://127.0.0.1:9/v1", option, value), cwd=tmp_path, more=KEYS)
    assert answer.code == 2
    assert f"Invalid value for '{option}'" in answer.err
    assert "Traceback" not in answer.err


def test_a_key_that_no_header_can_hold_is_not_shown(tmp_path: Path) -> None:
    write_texts(tmp_path, texts(2))
    shown = refuse(
        *arguments("http://127.0.0.1:9/v1"), cwd=tmp_path, more={"OPENAI_API_KEY": "sk-비밀"},
        says=["the key in OPENAI_API_KEY has characters that no HTTP header can hold"],
    )  # fmt: skip
    assert "비밀" not in shown


def test_without_the_client_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "anthropic"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "anthropic", None)
    write_texts(tmp_path, texts(2))
    refuse(
        *arguments("http://127.0.0.1:9", "--protocol", "anthropic"), cwd=tmp_path, more=KEYS,
        says=["labelling needs the package 'anthropic'", "pip install 'redheart[label]'"],
    )  # fmt: skip
    assert not (tmp_path / "labels").exists()


def test_an_endpoint_that_is_not_there_is_named(tmp_path: Path, quick_disk: None) -> None:
    write_texts(tmp_path, texts(2))
    answer = redheart(*arguments("http://127.0.0.1:9/v1", "--retries", "0"), cwd=tmp_path, more=KEYS)
    assert answer.code == 3
    assert "no reply: posts.txt:1: pass 1: no reply to 1 requests, the last: the connection was refused" in answer.out
    assert "the same command asks again for what got no reply" in answer.out
