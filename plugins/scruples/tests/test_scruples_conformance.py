"""The contract of plugins, kept by scruples on two small files."""

from __future__ import annotations

import json
from pathlib import Path

from redheart_core import CATALOGUE
from redheart_core.testing import conformance_tests


def folder_with_records(folder: Path) -> dict[str, object]:
    for part in ("train", "dev"):
        lines = [json.dumps(anecdote(f"{part}{number}")) for number in range(3)]
        (folder / f"{part}.scruples-anecdotes.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {"path": str(folder)}


def anecdote(id_: str) -> dict[str, object]:
    votes = dict.fromkeys(CATALOGUE["votes"].labels, 3)
    return {"id": id_, "title": "AITA for leaving?", "text": "I left.", "label_scores": votes}


test_conformance = conformance_tests("scruples", settings=folder_with_records)
