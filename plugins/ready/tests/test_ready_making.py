"""The model is made by one command, to the last bit the same twice; a group of another licence stands apart."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from front_door import hashes, succeed
from tiny_encoders import WIDTH, write_encoder

RECIPE = Path(__file__).parents[1] / "make.py"
SUBJECTS = ("my sister", "the neighbour", "our teacher", "a friend", "the driver", "his uncle", "the baker", "her boss")
FEELINGS = (("was so angry about it", 2, 1.5), ("was glad and grateful", 17, 4.5), ("was sad for days", 25, 2.0))


WORDS = tuple(sorted({word for text in (*SUBJECTS, *(text for text, _, _ in FEELINGS)) for word in text.split()}))


def write_data(folder: Path) -> None:
    """A few hundred rows in the forms of GoEmotions and EmoBank."""
    from redheart_core import CATALOGUE

    rows = [
        (f"{subject} {feeling} on day {day} of week {day * 7 % 11}, said number {day * len(subject)}", label, level)
        for day in range(16)
        for subject in SUBJECTS
        for feeling, label, level in FEELINGS
    ]
    comments, sentences = folder / "goemotions", folder / "emobank"
    comments.mkdir(parents=True)
    sentences.mkdir()
    for part, chosen in (("train", rows[:300]), ("dev", rows[300:])):
        lines = "".join(f"{text}\t{label}\t{part}{number}\n" for number, (text, label, _) in enumerate(chosen))
        (comments / f"{part}.tsv").write_text(lines, encoding="utf-8")
    (comments / "emotions.txt").write_text("\n".join(CATALOGUE["goemotions"].labels), encoding="utf-8")
    lines = "".join(
        f's{number},{"train" if number % 5 else "dev"},{level},{6 - level},3.0,"{text.replace(",", "")} again"\n'
        for number, (text, _, level) in enumerate(rows[:200])
    )
    (sentences / "emobank.csv").write_text("id,split,V,A,D,text\n" + lines, encoding="utf-8")


@pytest.mark.thorough
def test_the_same_command_gives_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = runpy.run_path(str(RECIPE))["make"]
    write_data(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    base = write_encoder(tmp_path / "base", WORDS)
    options = {"terms": 400, "base": str(base), "changes": {"width": WIDTH, "lora": 2, "window": 32}}
    for name in ("one", "two"):
        make(Path("data"), Path(f"work-{name}"), Path(name), ("goemotions", "emobank"), **options)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    make(Path("data"), Path("work-three"), Path("three"), ("goemotions", "emobank"), Path("one"), **options)
    assert hashes(tmp_path / "three" / "groups") == hashes(tmp_path / "one" / "groups")
    again = ("text_transformer",)
    make(Path("data"), Path("work-four"), Path("four"), ("goemotions", "emobank"), Path("one"), again, **options)
    before, after = hashes(tmp_path / "one" / "groups"), hashes(tmp_path / "four" / "groups")
    moved = {name for name in before if before[name] != after[name]}
    assert "text_transformer.safetensors" in moved
    assert moved <= {"text_transformer.safetensors", "stacking_fusion.safetensors"}
    said = succeed("models", "info", "one", "--json", cwd=tmp_path).json()
    licences = {name: [row["licence"] for row in group["learnt_from"]] for name, group in said["groups"].items()}
    apart = {"linear_apart", "text_transformer_apart", "stacking_apart"}
    assert licences == {name: ["CC-BY-SA-4.0"] for name in apart} | {
        name: ["CC-BY-4.0"] for name in ("linear", "text_transformer", "stacking_fusion")
    }
    assert set(said["answers"]) == {"goemotions", "ekman", "vad"}
    assert all(group["measured"] for group in said["groups"].values())
    files = {path.suffix for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert files == {".safetensors", ".json"}
    answer = succeed("analyze", "one", "my sister was glad", "--json", cwd=tmp_path).json()
    sources = {one["field"]: one["plugin"] for one in answer["answers"]}
    assert sources == {"goemotions": "stacking_fusion", "ekman": "stacking_fusion", "vad": "stacking_apart"}
