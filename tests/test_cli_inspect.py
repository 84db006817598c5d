"""redheart data inspect on the small embedded data."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from front_door import DATA, Finished, hashes, refuse, succeed
from sealed_files import contents


def test_a_store_is_shown_in_tables_with_the_warnings_last(finished: Finished, tmp_path: Path) -> None:
    before = hashes(finished.folder)
    out = succeed("data", "inspect", "--store", finished.store, cwd=tmp_path).out
    lines = out.splitlines()
    assert lines[0] == "data set village, 180 records"
    assert lines[1:3] == ["encoder: lsa; tokenizers: none", "languages: en 120, ko 60"]
    heads = [line.split("  ")[0] for line in lines]
    assert [heads.index(head) for head in ("field", "label in train", "baselines on validation")] == sorted(
        heads.index(head) for head in ("field", "label in train", "baselines on validation")
    )
    disk = {line.split()[0]: line.split()[1:] for line in lines[heads.index("on disk") + 1 :] if line}
    assert disk["text"][1] == "1.00"
    assert len(disk["vectors"]) == 2
    warnings = [number for number, line in enumerate(lines) if line.startswith("warning: ")]
    assert warnings
    assert min(warnings) > heads.index("baselines on validation")
    assert lines[-1] == f"{len(warnings)} warnings"
    assert any("causal_paths" in lines[number] for number in warnings)
    assert hashes(finished.folder) == before
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_the_inspection_of_its_data(finished: Finished, tmp_path: Path) -> None:
    kept = contents(finished.folder / "inspection.json")
    shown = succeed("data", "inspect", "--store", finished.store, "-o", "file.json", "--json", cwd=tmp_path).json()
    assert kept == shown == contents(tmp_path / "file.json")
    assert sum(kept["counts"].values()) == 180
    files = json.loads((finished.store / "index.json").read_text(encoding="utf-8"))["files"]
    lines = (finished.store / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert kept["disk"]["text"] == sum(len(json.loads(line)["text"].encode()) for line in lines)
    assert sum(kept["disk"]["parts"].values()) == sum(entry["bytes"] for entry in files.values())
    assert kept["disk"]["parts"]["terms"] == files["terms.safetensors"]["bytes"]
    assert kept["fingerprint"] == json.loads((finished.store / "index.json").read_text())["fingerprint"]


def test_data_is_prepared_for_the_look_and_nothing_is_left_behind(finished: Finished, tmp_path: Path) -> None:
    kept = json.loads((finished.folder / "inspection.json").read_text(encoding="utf-8"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    shown = succeed(
        "data", "inspect", "--data", "village", *DATA, "--set", "training.threads=1", "--json",
        cwd=tmp_path, more={"TMPDIR": str(temporary)},
    ).json()  # fmt: skip
    assert shown["fingerprint"] == kept["fingerprint"]
    assert shown["counts"] == kept["counts"]
    assert shown["fields"][0]["labels"] == kept["fields"][0]["labels"]
    assert list(temporary.iterdir()) == []
    assert list(tmp_path.iterdir()) == [temporary]


@pytest.mark.parametrize("more", [("--data", "village"), ("--encoder", "lsa"), ("--set", "village.english=1")])
def test_a_store_with_options_that_prepare_data_is_refused(tmp_path: Path, more: tuple[str, str]) -> None:
    refuse(
        "data", "inspect", "--store", "store", *more,
        cwd=tmp_path, code=2, says=["--store is prepared already", "leave the options"],
    )  # fmt: skip


TABLE = """
active = ["csv", "lsa"]
[data]
dataset = "csv"
encoder = "lsa"
tokenizer = "learnt:300"
[plugins.csv]
path = "notes.csv"
language_column = "tongue"
[plugins.csv.fields]
regret = "regret"
"""


def test_encoder_tokenizers_languages_and_pairs_of_near_duplicates_are_named(tmp_path: Path) -> None:
    stream = random.Random(1)
    words = ["".join(stream.choices("aeioubdgklmnprst", k=6)) for _ in range(60)]
    texts = [" ".join(stream.choices(words, k=12)) for _ in range(60)]
    rows = [f"n{number},{text},{'ko' if number % 3 else 'en'},0.{number % 7}" for number, text in enumerate(texts)]
    (tmp_path / "notes.csv").write_text("\n".join(["id,text,tongue,regret", *rows, f"last,{texts[0]}!,,0.5"]) + "\n")
    (tmp_path / "my.toml").write_text(TABLE)
    out = succeed("data", "inspect", "--plugins", "my.toml", "--set", "training.threads=1", cwd=tmp_path).out
    assert "; tokenizers: learnt:300\nlanguages: ko 40, en 20, not stated 1\n" in out
    _, _, told = out.partition("  two near-duplicates of each of ")
    assert told.splitlines()[0].endswith(" sets:")
    assert all(line.startswith("    ") for line in told.splitlines()[1:3])


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    refuse("data", "inspect", "--store", "nothing", cwd=tmp_path, says=["nothing holds no embedding store"])
