"""An analysis as JSON values of a documented form, which has a version and a JSON Schema (draft 2020-12)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import attrs

from redheart.summary import borne_out, summarize

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart_core.models.findings import Answer, Finding, LabelValue
    from redheart_core.models.limits import Reading
    from redheart_core.models.stakes import Context

VERSION = 1
"""Of the form; another one wherever a key is removed or gets another meaning. Keys may be added."""


def schema() -> dict[str, Any]:
    """The JSON Schema of what analyze gives: an analysis, with its reasons if asked for, or a line that was refused."""
    found: dict[str, Any] = json.loads(files("redheart").joinpath("analysis.schema.json").read_text(encoding="utf-8"))
    return found


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """The answers, each naming its members, what is not answered and why, and all findings."""
    return {
        "help": None if analysis.help is None else analysis.help.to_json(),
        "version": VERSION,
        "language": {
            "code": analysis.language.code,
            "probability": analysis.language.probability,
            "stated": analysis.language.stated,
        },
        "answers": [_answer(answer) for answer in analysis.answers],
        "abstentions": [
            {"field": one.field, "reason": one.reason, "remedy": one.remedy} for one in analysis.abstentions
        ],
        "findings": [_finding(finding) for finding in analysis.findings],
        "not_analyzed": {plugin: list(fields) for plugin, fields in analysis.not_analyzed.items()},
        "calibrated": analysis.calibrated,
        "limits": [_reading(one) for one in analysis.limits],
        "remarks": [_reading(one) for one in analysis.remarks],
        "context": _context(analysis.context),
        "evidence": [one.to_json() for one in analysis.cases] if analysis.remembered else None,
        "missing": dict(analysis.missing),
        "absent": list(analysis.absent),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """Without the quantiles of the plugin, which calibration turns into intervals of the values."""
    described = {name: value for name, value in _attributes(finding).items() if name != "outer"}
    return {**described, "values": _values(finding.values)}


def _reading(reading: Reading) -> dict[str, Any]:
    return {**attrs.asdict(reading), "beyond": reading.beyond}


def _context(context: Context | None) -> dict[str, Any] | None:
    return None if context is None else {**attrs.asdict(context), "sureness": context.sureness}


def _answer(answer: Answer) -> dict[str, Any]:
    said = summarize(answer)
    return {
        "field": answer.field,
        "meaning": answer.about.meaning,
        "plugin": answer.finding.plugin,
        "output": answer.finding.output,
        "fused": answer.fused,
        "unit": answer.finding.unit,
        "warning": answer.finding.warning,
        "values": _values(answer.values),
        "certainty": None if answer.certainty is None else attrs.asdict(answer.certainty),
        "claims": [one.label for one in borne_out(answer)],
        "summary": None if said is None else said.to_json(),
        "unsure": list(answer.unsure),
        "members": [f"{finding.plugin}.{finding.output}" for finding in answer.members],
    }


def _values(values: Sequence[LabelValue]) -> list[dict[str, Any]]:
    return [_attributes(value) for value in values]


def _attributes(one: Any) -> dict[str, Any]:
    """Of a frozen class by name, as they are; a tenth of the time of attrs.asdict."""
    return {name: getattr(one, name) for name in type(one).__slots__ if name != "__weakref__"}
