"""The contract of plugins, kept by scenarios on two small files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from redheart_core import CATALOGUE
from redheart_core.testing import conformance_tests


def folder_with_records(folder: Path) -> dict[str, object]:
    for part in ("train", "dev"):
        lines = [json.dumps(scenario(f"{part}{number}")) for number in range(3)]
        (folder / f"{part}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return {"path": str(folder)}


def scenario(id_: str) -> dict[str, object]:
    return {
        "id": id_,
        "title": "AITA for leaving?",
        "text": "I left.",
        "emotions": dict.fromkeys(CATALOGUE["emotion"].labels, 0.0) | {"sadness": 0.6, "anger": 0.4},
        "regret_factor": 0.5,
        "bentham_scores": dict.fromkeys(CATALOGUE["bentham"].labels[:4], 0.5),
        "choice_factors": dict.fromkeys(CATALOGUE["choice_factors"].labels, 0.5),
        "label_scores": dict.fromkeys(CATALOGUE["votes"].labels, 3),
    }


test_conformance = conformance_tests("scenarios", settings=folder_with_records)
