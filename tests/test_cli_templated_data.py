"""Tables as people have them, through the front door: spreadsheets, and answers to one questionnaire."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
from front_door import refuse, succeed

PLUGINS = """active = ["csv", "lsa", "backbone", "regret_head"]
[data]
dataset = "csv"
[training]
scale = "tiny"
epochs = 1
[plugins.lsa]
width = 4
min_chunks = 1
[plugins.csv]
path = "rows.csv"
[plugins.csv.fields]
regret = "regret"
"""
FORM = (
    "Question one: what did you do last week that you still think about? Answer: I gave the boat. Question two: would "
    "you do it again if you were in the same place with the same people around you? Answer: I do not know yet {}."
)
WORDS = ("boat", "storm", "friend", "winter", "house", "letter", "anger", "market", "trip", "garden", "sold", "lost")


def text(number: int) -> str:
    draw = random.Random(number)
    return " ".join(draw.choices(WORDS, k=40)) + f" number {number}."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plugins.toml").write_text(PLUGINS)
    return tmp_path


def write(folder: Path, rows: list[list[str]], header: tuple[str, ...] = ("id", "text", "regret")) -> None:
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([list(header), *rows])


def test_a_spreadsheet_s_nameless_columns_and_empty_rows_are_passed_over(folder: Path) -> None:
    rows = [[f"r{number}", text(number), "0.5", "", ""] for number in range(40)]
    write(folder, [*rows, [""] * 5, [""] * 5], header=("id", "text", "regret", "", ""))
    found = succeed("data", "prepare", "--plugins", "plugins.toml", "-o", "s", "--json", cwd=folder).json()
    assert sum(found["index"]["counts"].values()) == 40


def test_all_bad_rows_are_named_at_once(folder: Path) -> None:
    write(folder, [[f"r{number}", text(number), "much" if number % 2 else "2"] for number in range(50)])
    refuse(
        "data", "prepare", "--plugins", "plugins.toml", "-o", "s", cwd=folder,
        says=["50 rows cannot be used", "rows.csv line 3, column 'regret'", "and 30 more"],
    )  # fmt: skip
    assert not (folder / "s").exists()


def test_answers_to_one_questionnaire_are_named_where_they_leave_a_split_empty(folder: Path) -> None:
    write(folder, [[f"q{number}", FORM.format(text(number)[:3]), "0.5"] for number in range(60)])
    refuse(
        "train", "--plugins", "plugins.toml", "-o", "r", cwd=folder,
        says=["the data set has no", "60 records that are near-duplicates of each other (q0, q1, q2, ...: 'Que"],
    )  # fmt: skip


def test_prepare_and_inspect_warn_of_a_template_that_fills_one_split(folder: Path) -> None:
    rows = [[f"q{number}", FORM.format(WORDS[number % 12]), "0.5"] for number in range(60)]
    rows += [[f"r{number}", text(number), str(number / 100)] for number in range(60)]
    write(folder, rows)
    prepared = succeed("data", "prepare", "--plugins", "plugins.toml", "-o", "s", cwd=folder)
    assert "60 records that are near-duplicates of each other (q0, q1, q2" in prepared.err
    assert "  60 near-duplicates (" in prepared.out
    table = [line.split() for line in prepared.out.splitlines() if line.startswith(("split ", "train "))]
    assert table[0] == ["split", "records", "share", "wanted"]
    assert table[1][-1] == "70.0%"
    looked_at = succeed("data", "inspect", "--store", "s", cwd=folder).out
    assert "warning: text: 60 records that are near-duplicates of each other" in looked_at
    split = succeed(
        "data", "prepare", "--plugins", "plugins.toml", "--set", "data.near_duplicates=1.0", "-o", "apart", cwd=folder
    )
    assert "q0, q1" not in split.err
