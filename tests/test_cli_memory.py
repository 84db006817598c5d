"""`redheart memory` as a user meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from front_door import Finished, check_refusal, redheart, refuse, succeed
from made_up_cases import files_hold

CRISIS = "I told my neighbour the truth about the fence, and now I want to die."
DOUBTFUL = "I told my neighbour the truth about the fence. What is the point of it all?"
ACUTE = "He's outside my door with a knife."
FENCE = "I told my neighbour the truth about the fence."


@pytest.fixture(scope="module")
def evidence(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the memory loaded.db, which tests only read."""
    folder = tmp_path_factory.mktemp("evidence")
    done = succeed("memory", "load", "--memory", "loaded.db", "--model", finished.model, "--run", finished.folder,
                   "--keep-text", cwd=folder)  # fmt: skip
    assert "added, 0 were there, " in done.out
    assert "have a sign of a crisis and are left out; " in done.out
    return folder


def test_loaded_evidence_is_found_with_labels_and_distance(evidence: Path, finished: Finished) -> None:
    common = ("--memory", "loaded.db", "--model", finished.model)
    lines = succeed("memory", "search", *common, FENCE, "-k", "3", cwd=evidence).out.splitlines()
    assert lines[0].split() == ["DISTANCE", "ID", "LANGUAGE", "SOURCE", "LICENCE", "LABELS", "TEXT"]
    assert len(lines) == 4
    assert all("village/" in line for line in lines[1:])
    found = succeed("memory", "search", *common, FENCE, "-k", "3", "--language", "ko", "--label", "regret>=0.1",
                    "--exact", "--json", cwd=evidence).json()  # fmt: skip
    assert found["help"] is None
    assert [set(case) for case in found["cases"]] == [
        {"distance", "id", "labels", "language", "source", "licence", "time", "text"}
    ] * 3
    assert all(case["language"] == "ko" and case["labels"]["regret"] >= 0.1 for case in found["cases"])
    assert "no case is chosen" in succeed("memory", "search", *common, FENCE, "--id", "none", cwd=evidence).out
    again = succeed("memory", "load", *common, "--run", finished.folder, "--json", cwd=evidence).json()
    assert (again["added"], again["there"]) == (0, again["cases"])


def test_a_case_comes_and_goes(finished: Finished, tmp_path: Path) -> None:
    common = ("--memory", "own.db", "--model", finished.model)
    added = succeed("memory", "add", *common, FENCE, "--label", "votes.right=3", "--source", "me", "--json",
                    cwd=tmp_path).json()  # fmt: skip
    assert (added["added"], added["cases"]) == (1, 1)
    assert not files_hold(tmp_path, b"fence")
    (tmp_path / "more.jsonl").write_text(
        "".join(json.dumps({"id": f"case {n}", "text": f"{FENCE} Again {n}.", "labels": {}}) + "\n" for n in range(9))
    )
    many = succeed("memory", "add", *common, "--jsonl", "more.jsonl", "--keep-text", cwd=tmp_path)
    assert many.out == "own.db: 9 added\n"
    assert (
        succeed("memory", "verify", "--memory", "own.db", cwd=tmp_path).out == "own.db: 10 cases as kept, encoder lsa\n"
    )
    succeed("memory", "export", "--memory", "own.db", "-o", "out.jsonl", cwd=tmp_path)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len(lines) == 11
    assert succeed("memory", "export", "--memory", "own.db", cwd=tmp_path).out.splitlines() == lines
    succeed("memory", "add", "--memory", "copy.db", "--jsonl", "out.jsonl", cwd=tmp_path)
    assert succeed("memory", "export", "--memory", "copy.db", cwd=tmp_path).out.splitlines() == lines
    (tmp_path / "out.jsonl").unlink()
    gone = succeed("memory", "delete", "--memory", "own.db", "--source", "me", cwd=tmp_path)
    assert gone.out == "own.db: 1 deleted, 9 cases\n"
    kept = succeed("memory", "retain", "--memory", "own.db", "--cases", "2", cwd=tmp_path)
    assert kept.out == "own.db: kept are 2 cases; 7 deleted, 2 cases\n"
    assert succeed("memory", "delete", "--memory", "own.db", "--all", "--json", cwd=tmp_path).json() == {
        "deleted": 2,
        "cases": 0,
    }


def test_help_comes_first_and_nothing_is_kept(evidence: Path, finished: Finished, tmp_path: Path) -> None:
    common = ("--memory", "loaded.db", "--model", finished.model)
    lines = succeed("memory", "search", *common, DOUBTFUL, cwd=evidence).out.splitlines()
    assert "988" in lines[0]
    assert any(line.startswith("DISTANCE") for line in lines)
    for text, number in ((CRISIS, "988"), (ACUTE, "911")):
        alone = succeed("memory", "search", *common, text, cwd=evidence).out
        assert number in alone.splitlines()[0]
        assert "DISTANCE" not in alone
        found = succeed("memory", "search", *common, text, "--json", cwd=evidence).json()
        assert found["help"]["acute"] is (text == ACUTE)
        assert found["cases"] == []
    refused = redheart("memory", "add", "--memory", "new.db", "--model", finished.model, CRISIS, cwd=tmp_path)
    check_refusal(refused, ["it has a sign of a crisis, so nothing of it is kept"])
    assert "988" in refused.out.splitlines()[0]
    assert "follow" not in refused.out
    assert list(tmp_path.iterdir()) == []


def test_no_memory_is_kept_unless_one_is_named(tmp_path: Path) -> None:
    for command in (("add", "A text."), ("search", "A text."), ("delete", "--all"), ("verify",), ("export",)):
        refuse("memory", *command, cwd=tmp_path, code=2,
               says=["no memory is named, and none is kept unless one is: give --memory cases.db"])  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_plugins_toml_may_name_the_memory(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "plugins.toml").write_text('active = []\n[memory]\nwhere = "cases.db"\nkeep_text = true\n')
    succeed("memory", "add", "--model", finished.model, FENCE, cwd=tmp_path)
    assert json.loads(succeed("memory", "export", cwd=tmp_path).out.splitlines()[1])["text"] == FENCE
    (tmp_path / "plugins.toml").write_text("active = []\n[memory]\nplace = 1\n")
    refuse("memory", "verify", cwd=tmp_path, says=["[memory] in plugins.toml", "place"])


def test_all_lines_that_cannot_be_added_are_named(finished: Finished, tmp_path: Path) -> None:
    lines = [json.dumps({"text": FENCE}), "garbage", "[]", json.dumps({"body": FENCE}), json.dumps({"text": CRISIS})]
    (tmp_path / "cases.jsonl").write_text("\n".join(lines))
    says = [f"cases.jsonl line {number}: " for number in (2, 3, 4, 5)]
    given = ("--memory", "cases.db", "--model", finished.model, "--jsonl", "cases.jsonl")
    refuse("memory", "add", *given, cwd=tmp_path, says=["4 rows cannot be used", *says])
    assert not (tmp_path / "cases.db").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("add",), 2, "give one of TEXT and --jsonl"),
        (("add", "A text.", "--jsonl", "x.jsonl"), 2, "give one of TEXT and --jsonl"),
        (("add", "--jsonl", "x.jsonl", "--id", "a"), 2, "--id: with --jsonl these stand in the lines"),
        (("add", "A text.", "--label", "right"), 2, "--label expects NAME=NUMBER, such as votes.right=5"),
        (("add", "A text.", "--label", "a=1", "--label", "a=2"), 2, "a label is given twice"),
        (("add", "--jsonl", "x.jsonl"), 1, "no such file"),
        (("load",), 2, "give one of --run and --data"),
        (("load", "--run", "x", "--data", "village"), 2, "give one of --run and --data"),
        (("load", "--run", "x"), 1, "x holds no run (no run.json)"),
        (("load", "--data", "nothing"), 1, "nothing"),
        (("delete",), 2, "give conditions, or --all"),
        (("delete", "--all", "--id", "a"), 2, "give conditions, or --all"),
        (("delete", "--id", "a"), 1, "there is no memory of cases in cases.db; redheart memory add or load makes one"),
        (("delete", "--since", "noon"), 1, "expects a day or time such as 2026-01-31"),
        (("retain", "--cases", "0"), 1, "a retention needs more than 0 and at most 36,500 days, and at least 1 case"),
        (("search", "A text.", "--label", "a>=b"), 1, "the label 'a' expects a number behind >="),
        (("verify",), 1, "there is no memory of cases in cases.db"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    refuse("memory", *arguments, "--memory", "cases.db", cwd=tmp_path, says=[says], code=code)
    assert not os.path.exists(tmp_path / "cases.db")


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    said = refuse("memory", "verify", "--memory", "postgresql://me:secret@127.0.0.1:1/cases", cwd=tmp_path,
                  says=["postgresql://127.0.0.1:1/cases: there is no connection; check the address"])  # fmt: skip
    assert "secret" not in said
