"""The contract of plugins, kept by goemotions and goemotions_ko on small files."""

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
    return {"path": str(folder), "labels": "ekman"}


def files(folder: Path) -> dict[str, object]:
    """The folder is named like the data set."""
    return korean(folder) if folder.name.startswith("goemotions_ko") else english(folder)


test_conformance = conformance_tests("goemotions", settings=files)
