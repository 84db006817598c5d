"""The contract of plugins, kept by dilemmas on a small file."""

from __future__ import annotations

import json
from pathlib import Path

from redheart_core.testing import conformance_tests


def folder_with_records(folder: Path) -> dict[str, object]:
    lines = [json.dumps(pair(number)) for number in range(6)]
    (folder / "dev.scruples-dilemmas.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {"path": str(folder)}


def pair(number: int) -> dict[str, object]:
    acts = [{"id": f"a{number + place}", "description": f"doing thing number {number + place}"} for place in (0, 1)]
    return {"id": f"p{number}", "actions": acts, "gold_annotations": [3, 2], "human_perf_annotations": [1, 4]}


test_conformance = conformance_tests("dilemmas", settings=folder_with_records)
