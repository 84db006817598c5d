"""Reasons of a text's answers, as explanations give them, each checked before anybody sees it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import attrs

from redheart_core.contract.errors import PluginError
from redheart_core.contract.explanations import ExplainedAnswer, ExplainedText, ExplanationSpec, Reason, ReasonRow
from redheart_core.groups.plugin_calls import naming

TOLERANCE = 1e-5
"""Of sums and of values, in units of the larger of 1 and the numbers: networks compute in single precision."""


@attrs.frozen
class Explained:
    """What an explanation says of a text."""

    explanation: str
    heading: str
    """Of the rows, for people."""
    kind: str
    """Of EXPLANATION_KINDS."""
    reasons: tuple[Reason, ...]


def explain_text(specs: Sequence[ExplanationSpec], text: ExplainedText) -> tuple[Explained, ...]:
    """What each explanation says of a text, without those that say nothing.

    Raises:
        PluginError: An explanation fails or breaks its contract; the message names it.
    """
    found = [Explained(one.name, one.heading, one.kind, reasons_of(one, text)) for one in specs]
    return tuple(one for one in found if one.reasons)


def reasons_of(spec: ExplanationSpec, text: ExplainedText) -> tuple[Reason, ...]:
    """The reasons that one explanation gives.

    Raises:
        PluginError: As explain_text.
    """
    with naming(spec.name, "explain"):
        found = spec.explain(text)
    if not isinstance(found, Sequence) or not all(isinstance(one, Reason) for one in found):
        raise PluginError(f"plugin '{spec.name}' has to give a list of Reason, gave {found!r:.200}")
    said = set[tuple[str, str]]()
    for one in found:
        complaint = _complaint(spec, one, text.answers, said)
        if complaint:
            raise PluginError(f"plugin '{spec.name}' explains '{one.label}' of '{one.field}' wrongly: {complaint}")
        said.add((one.field, one.label))
    return tuple(found)


def _complaint(
    spec: ExplanationSpec, one: Reason, answers: Mapping[str, ExplainedAnswer], said: Collection[tuple[str, str]]
) -> str:
    """What is wrong with a reason; empty if nothing is."""
    if one.field not in answers or (spec.fields and one.field not in spec.fields):
        return f"it explains {', '.join(spec.fields) or 'answers'}, of which {', '.join(answers) or 'none'} are given"
    answer = answers[one.field]
    if one.label not in answer.field.elements:
        return f"there is no such number (numbers: {', '.join(answer.field.elements)})"
    if (one.field, one.label) in said:
        return "it is explained twice"
    given = float(answer.value[answer.field.elements.index(one.label)])
    numbers = [one.usual, one.value, *(number for row in one.rows for number in _numbers(row))]
    if not all(math.isfinite(number) for number in numbers):
        return "a number is infinite or NaN"
    scale = TOLERANCE * max(1.0, abs(one.usual), abs(one.value), *(abs(row.adds) for row in one.rows))
    if abs(one.value - given) > scale:
        return f"the answer is {given:g}, and the reason says {one.value:g}"
    total = math.fsum(row.adds for row in one.rows)
    if abs(total - (one.value - one.usual)) > scale:
        return f"its rows add {total:g}, and value - usual is {one.value - one.usual:g}"
    calculated = [row.value is not None and row.factor is not None for row in one.rows]
    if spec.kind == "calculation" and not all(calculated):
        return "rows of a calculation have a value and a factor"
    if spec.kind == "shares" and any(len(_numbers(row)) > 1 for row in one.rows):
        return "value, weight and factor of a row are for a calculation; declare its kind"
    if one.turning is not None and not (one.turning and set(one.turning) <= set(range(len(one.rows)))):
        return f"'turning' holds places of some of its {len(one.rows)} rows, got {one.turning}"
    return ""


def _numbers(row: ReasonRow) -> list[float]:
    return [one for one in (row.adds, row.value, row.weight, row.factor) if one is not None]
