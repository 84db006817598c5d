"""The nearest cases of a memory beside the answers, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from redheart.summary import borne_out
from redheart_core.data.text import shorten

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart_core.memory.case import Case, Neighbour
    from redheart_core.models.findings import Answer

SHOWN = 3
"""Cases on a page, and labels of each."""
ID_CHARS = 40


def evidence_lines(analysis: Analysis) -> Iterator[str]:
    """Each of the nearest cases with its distance and labels, and how far their labels are in intervals and sets."""
    if analysis.remembered and analysis.answers and not analysis.cases:
        yield "no evidence: the memory has no case"
    shown = [answer for answer in analysis.answers if borne_out(answer)] or list(analysis.answers)
    for one in analysis.cases[:SHOWN]:
        labels = [said for answer in shown for said in _label(answer, one.case)][:SHOWN]
        said = ", ".join(labels) or "no labels of these tasks"
        yield f"nearest case {shorten(one.case.id, ID_CHARS)}, at a distance of {one.distance:.2f}: {said}"
    agreed = [
        f"{answer.field} {inside} of {count}"
        for answer in shown
        for inside, count in [agreement(answer, analysis.cases)]
        if count
    ]
    if agreed:
        yield f"labels of {len(analysis.cases)} cases inside the intervals and sets: {', '.join(agreed)}"


def agreement(answer: Answer, cases: Sequence[Neighbour]) -> tuple[int, int]:
    """How many labels of cases lie inside the answer's intervals or set, of how many; of a set those that are 1."""
    inside = count = 0
    for one in cases:
        total = sum(one.case.labels.get(f"{answer.field}.{label}", 0.0) for label in answer.about.labels)
        for value in answer.values:
            name = answer.field if value.label == answer.field else f"{answer.field}.{value.label}"
            number = one.case.labels.get(name)
            if number is None or (answer.about.counts and not total):
                continue
            if answer.about.binary and value.in_set is not None and number == 1.0:
                inside, count = inside + value.in_set, count + 1
            elif value.low is not None and value.high is not None:
                share = number / total if answer.about.counts else number
                inside, count = inside + (value.low <= share <= value.high), count + 1
    return inside, count


def _label(answer: Answer, case: Case) -> Iterator[str]:
    """What a case has on a field: its largest label, or the value that the answer shows first."""
    names = {
        value.label: answer.field if value.label == answer.field else f"{answer.field}.{value.label}"
        for value in borne_out(answer) or answer.values
    }
    if answer.about.binary or answer.about.simplex or answer.about.counts:
        names = {label: f"{answer.field}.{label}" for label in answer.about.labels}
    found = [(case.labels[name], name) for name in names.values() if name in case.labels]
    if found:
        chance = answer.about.binary or answer.about.simplex or answer.about.counts
        number, name = max(found) if chance else found[0]
        yield f"{name} {number:.2g}"
