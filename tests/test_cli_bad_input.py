"""Bad data and bad settings at the front door: one clear message, exit code 1, nothing lost."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from front_door import DATA, SMALL, Finished, flip_byte, hashes, redheart, refuse, succeed

TEXT = "I lent my brother the car and he came home late, so I missed the train, on day"
PLUGINS = """
active = ["jsonl", "lsa", "scenarios"]
[data]
dataset = "jsonl"
[plugins.lsa]
width = 4
min_chunks = 1
[plugins.jsonl]
path = "my.jsonl"
[plugins.jsonl.fields]
regret = "regret"
"""
PREPARE = ("data", "prepare", "-o", "store")
EMOTIONS = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger")


def records() -> list[dict[str, Any]]:
    """Forty good records."""
    return [{"id": f"r{number}", "text": f"{TEXT[number:]} {number}.", "regret": number / 40} for number in range(40)]


def lines(changed: int, **change: Any) -> str:
    """JSON lines, one record changed."""
    return "".join(json.dumps(r | change if n == changed else r) + "\n" for n, r in enumerate(records()))


def broken() -> str:
    parts = lines(0).splitlines(keepends=True)
    parts[4] = '{"id": "r4", "text": "half\n'
    return "".join(parts)


CASES: dict[str, tuple[str, list[str]]] = {
    "broken line": (broken(), ["my.jsonl line 5: broken JSON", "'"]),
    "out of range": (lines(6, regret=1.5), ["my.jsonl line 7", "'r6'", "regret", "1.5", "0", "1"]),
    "no number": (lines(6, regret="much"), ["my.jsonl line 7", "regret", "'much'"]),
    "empty text": (lines(8, text="  "), ["my.jsonl line 9: expects the text in column 'text'"]),
    "a million characters": (
        lines(8, text="ab " * 333_333 + "c"),
        ["my.jsonl line 9 (record 'r8')", "1,000,000 characters, 100,000 are allowed", "split it"],
    ),
    "an id twice": (lines(9, id="r3"), ["my.jsonl line 10", "'r3'", "line 4"]),
    "nothing": ("", ["my.jsonl", "no record"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_record_is_refused_by_file_and_line_and_repaired_data_goes_through(case: str, tmp_path: Path) -> None:
    text, says = CASES[case]
    (tmp_path / "plugins.toml").write_text(PLUGINS)
    (tmp_path / "my.jsonl").write_text(text)
    refuse(*PREPARE, cwd=tmp_path, says=says)
    assert {path.name for path in tmp_path.iterdir()} == {"my.jsonl", "plugins.toml"}
    if case == "broken line":
        (tmp_path / "my.jsonl").write_text(lines(0))
        store = succeed(*PREPARE, "--json", cwd=tmp_path).json()
        assert store["index"]["coverage"] == {"regret": 40}


def test_unknown_emotions_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "my.jsonl").write_text(lines(2, feelings=dict.fromkeys((*EMOTIONS[:-1], "envy"), 1 / 7)))
    (tmp_path / "plugins.toml").write_text(f'{PLUGINS}emotion = "feelings"\n')
    refuse(*PREPARE, cwd=tmp_path, says=["my.jsonl line 3", "envy", *EMOTIONS])
    columns = ", ".join(f'{name} = "{name}"' for name in (*EMOTIONS, "envy"))
    (tmp_path / "plugins.toml").write_text(f"{PLUGINS}emotion = {{ {columns} }}\n")
    refuse(*PREPARE, cwd=tmp_path, says=["emotion", "envy", *EMOTIONS])
    assert {path.name for path in tmp_path.iterdir()} == {"my.jsonl", "plugins.toml"}


def test_a_file_that_is_not_there_or_breaks_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "plugins.toml").write_text(PLUGINS)
    refuse(*PREPARE, cwd=tmp_path, says=["no such file: my.jsonl"])
    scenarios = (*PREPARE, "--data", "scenarios")
    refuse(*scenarios, cwd=tmp_path, says=["needs the folder of its files", "--set scenarios.path="])
    refuse(*scenarios, "--set", "scenarios.path=none", cwd=tmp_path, says=["none does not exist", "train.jsonl.gz"])
    generator = random.Random(3)
    posts = [{"id": str(n), "title": "On honesty", "text": f"{TEXT} {generator.random()}"} for n in range(2000)]
    whole = gzip.compress("".join(json.dumps(post) + "\n" for post in posts).encode())
    (tmp_path / "train.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "dev.jsonl.gz").write_bytes(whole)
    says = ["train.jsonl.gz: the gzip data breaks off after line", "get the whole file again"]
    refuse(*scenarios, "--set", "scenarios.path=.", cwd=tmp_path, says=says)
    assert not (tmp_path / "store").exists()


def test_three_mistakes_in_plugins_toml_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "plugins.toml").write_text(
        'active = ["village", "lsa", "backbon", "neural_regret"]\n'
        "[plugins.neural_regret]\nloss_weight = -1.0\n"
        "[plugins.lsa]\nwidht = 48\n"
    )
    message = refuse(
        "train", cwd=tmp_path,
        says=["'backbon', which is not installed (installed: adapted", "loss_weight", "-1.0", "widht", "width"],
    )  # fmt: skip
    assert sum(line.startswith("  - ") for line in message.splitlines()) == 3
    (tmp_path / "plugins.toml").write_text('active = ["village"\n')
    refuse("train", cwd=tmp_path, says=["plugins.toml is not TOML: Unclosed array"])
    assert {path.name for path in tmp_path.iterdir()} == {"plugins.toml"}


def test_mistakes_on_the_command_line_are_reported_at_once(tmp_path: Path) -> None:
    refuse(
        "train", "--enable", "nobody", "--disable", "nothing", "--set", "lsa.widht=3", "--set", "training.epochs=many",
        cwd=tmp_path, says=["--enable nobody", "--disable nothing", "widht"],
    )  # fmt: skip
    refuse("train", "--set", "training.epochs=many", cwd=tmp_path, says=["[training]", "epochs", "many"])
    assert redheart("train", "--epochs", "0", cwd=tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_encoder_is_refused_by_data_and_run(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    before = hashes(run)
    other = [part.replace("lsa.width=48", "lsa.width=32") for part in SMALL]
    says = [
        "run/store holds a store that was made with other arguments",
        "encoder_settings.lsa.width is",
        "choose another folder",
    ]
    refuse("train", "-o", "new", "--store", "run/store", *other, cwd=tmp_path, says=says)
    assert not (tmp_path / "new").exists()
    succeed("data", "prepare", "-o", "other", *DATA, "--set", "lsa.width=32", cwd=tmp_path)
    refuse(
        "run", "-o", "run", "--store", "other", *other, cwd=tmp_path,
        says=["begun otherwise", "encoder was", "another folder"],
    )  # fmt: skip
    assert hashes(run) == before


def test_a_model_with_a_damaged_encoder_answers_nothing(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    flip_byte(run / "model" / "encoder" / "lsa" / "encoder.json")
    refuse("analyze", "run/model", "I told the truth.", cwd=tmp_path, says=["encoder/lsa/encoder.json is damaged"])
