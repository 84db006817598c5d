"""What each part of a text adds to the answers, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.data.text import shorten

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart.models import Model
    from redheart_core.models.module_reasons import MemberReason
    from redheart_core.models.reasons import Reason
    from redheart_core.models.text_inputs import TextToAnalyze

COLUMNS = ("because of", "adds", "")
"""Heads of the rows of an explained number."""
CELLS = 10
"""Of the longest bar."""
MOST_ROWS = 4
"""Of a number; the other parts are summed up."""


@attrs.frozen
class Explanation:
    """An analysis with its reasons."""

    analysis: Analysis
    parts: tuple[str, ...]
    """Of the text: its sentences, or its words where it is one sentence; neighbours are joined where there are many."""
    reasons: tuple[Reason, ...]
    """Of each number of each answer."""

    members: tuple[MemberReason, ...] = ()
    """Of each number of each fused answer what its members add."""

    def reason(self, field: str, label: str) -> Reason:
        """Why one number is as it is.

        Raises:
            RedheartError: The number is not answered, or no training record has it.
        """
        from redheart_core.contract.errors import RedheartError

        for one in self.reasons:
            if (one.field, one.label) == (field, label):
                return one
        raise RedheartError(
            f"no reasons of '{label}' of '{field}' (fields that are explained: {', '.join(self._fields) or 'none'})"
        )

    @property
    def shown(self) -> tuple[Reason, ...]:
        """Those of the first number of each task on the page, in its order."""
        firsts = [(task, label or task) for task, label, *_ in self.analysis.page.rows if task]
        return tuple(self.reason(*first) for first in firsts if first in {(r.field, r.label) for r in self.reasons})

    def rows(self, reason: Reason) -> Iterator[tuple[str, str, str]]:
        """The parts of the text, that which adds or takes away most first, with COLUMNS as heads."""
        parts = sorted(zip(self.parts, reason.contributions, strict=True), key=lambda pair: -abs(pair[1]))
        shown, further = (parts, []) if len(parts) <= MOST_ROWS + 1 else (parts[:MOST_ROWS], parts[MOST_ROWS:])
        longest = max(abs(adds) for _, adds in parts) or 1.0
        for part, adds in shown:
            yield shorten(part), f"{adds:+.2f}", ("+" if adds > 0 else "-") * round(CELLS * abs(adds) / longest)
        if further:
            yield f"and {len(further)} more", f"{sum(adds for _, adds in further):+.2f}", ""

    def member_line(self, reason: Reason) -> str:
        """What the members of the fusion add to a number, the largest first; empty where nothing is fused."""
        for one in self.members:
            if (one.field, one.label) == (reason.field, reason.label):
                ordered = sorted(one.contributions.items(), key=lambda pair: -abs(pair[1]))
                added = ", ".join(f"{name.partition('.')[0]} {adds:+.2f}" for name, adds in ordered)
                return f"by module, from {one.usual:.2f}: {added}"
        return ""

    def turning(self, reason: Reason) -> str:
        """What would change the answer, for people; empty where it is not known."""
        if reason.turning is None:
            return ""
        parts = " and ".join(f'"{shorten(self.parts[place])}"' for place in reason.turning)
        return f"without {parts} the answer on {reason.label} would turn"

    def to_json(self) -> dict[str, Any]:
        """The analysis as JSON values, with the parts and reasons."""
        return {
            **self.analysis.to_json(),
            "parts": list(self.parts),
            "reasons": [attrs.asdict(one) for one in self.reasons],
            "member_reasons": [attrs.asdict(one) for one in self.members],
        }

    @property
    def _fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.field for one in self.reasons))


def explain_analysis(model: Model, found: Analysis, text: TextToAnalyze) -> Explanation:
    """The reasons of an analysis.

    Args:
        model: Which gave it.
        found: The analysis.
        text: What was analyzed.
    """
    from redheart_core.models.module_reasons import explain_members
    from redheart_core.models.reasons import explain
    from redheart_core.models.text_inputs import field_numbers

    if not found.answers:
        return Explanation(found, (), ())
    fields = field_numbers(model.assembled, model.encoder, text.values, text.where)
    about = model.assembled, model.encoder, text.text, found.answers, fields, found.language
    reasons = explain(*about)
    return Explanation(found, reasons.parts, reasons.reasons, explain_members(*about))
