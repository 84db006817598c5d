"""The contract of plugins, kept by goemotions on small files in both languages."""

from __future__ import annotations

from pathlib import Path

from redheart_core import CATALOGUE
from redheart_core.testing import conformance_tests


def english(folder: Path) -> dict[str, object]:
    for part in ("train", "dev"):
        (folder / f"{part}.tsv").write_text(f"I left.\t4,27\t{part}1\nI love it.\t18\t{part}2\n", encoding="utf-8")
    (folder / "emotions.txt").write_text("\n".join(CATALOGUE["goemotions"].labels), encoding="utf-8")
    return {"path": str(folder)}


def korean(folder: Path) -> dict[str, object]:
    for part in ("train", "dev"):
        (folder / f"{part}.tsv").write_text("나는 떠났다.\t4,27\n좋아요.\t18\n", encoding="utf-8")
    return {"path": str(folder), "language": "ko", "labels": "ekman"}


test_conformance_in_english = conformance_tests("goemotions", settings=english)
test_conformance_in_korean = conformance_tests("goemotions", settings=korean)
