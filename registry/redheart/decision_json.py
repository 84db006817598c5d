"""The JSON Schemas (draft 2020-12) of a dilemma as it is given and of a decision as it is printed."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from redheart.analysis_json import schema as analysis_schema


def dilemma_schema() -> dict[str, Any]:
    """The form of the file that redheart decide --file reads."""
    return _packaged("dilemma.schema.json")


def schema() -> dict[str, Any]:
    """The form of Decision.to_json: a decision, or why there is none; with that of the analyses inside it."""
    found = _packaged("decision.schema.json")
    found["$defs"]["analyses"] = analysis_schema()
    return found


def _packaged(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("redheart").joinpath(name).read_text(encoding="utf-8"))
    return found
