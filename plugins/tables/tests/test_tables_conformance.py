"""The contract of plugins, kept by jsonl and csv on a small file each."""

from __future__ import annotations

from pathlib import Path

from redheart_core.testing import conformance_tests


def json_lines(folder: Path) -> dict[str, object]:
    path = folder / "my.jsonl"
    path.write_text('{"id": "a", "text": "I left.", "r": 0.5}\n{"id": "b", "text": "I stayed."}\n', encoding="utf-8")
    return {"path": str(path), "fields": {"regret": "r"}}


def cells(folder: Path) -> dict[str, object]:
    path = folder / "my.csv"
    path.write_text("id,text,r\na,I left.,0.5\nb,I stayed.,\n", encoding="utf-8")
    return {"path": str(path), "fields": {"regret": "r"}}


test_conformance_of_jsonl = conformance_tests("jsonl", settings=json_lines)
test_conformance_of_csv = conformance_tests("csv", settings=cells)
