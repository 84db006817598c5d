"""Why the answers on a text are as they are, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.data.text import shorten

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart.models import Model
    from redheart_core import Reason, ReasonRow
    from redheart_core.models.explaining import Explained
    from redheart_core.models.text_inputs import TextToAnalyze

CELLS = 10
"""Of the longest bar."""
MOST_ROWS = 4
"""Of shares; the other rows are summed up. A calculation is shown whole."""
SENTENCES = "reasons_by_sentence"
"""The explanation that is meant where none is named."""


@attrs.frozen
class Explanation:
    """An analysis with its reasons."""

    analysis: Analysis
    explained: tuple[Explained, ...]
    """What each explanation of the installed packages says, by name, without those that say nothing."""

    def reason(self, field: str, label: str, by: str = SENTENCES) -> Reason:
        """Why one number is as it is.

        Raises:
            RedheartError: The explanation says nothing of the number.
        """
        from redheart_core.contract.errors import RedheartError

        for one in self.explained:
            for reason in one.reasons if one.explanation == by else ():
                if (reason.field, reason.label) == (field, label):
                    return reason
        known = ", ".join(one.explanation for one in self.explained) or "none"
        raise RedheartError(f"no reasons of '{label}' of '{field}' by '{by}' (explanations with reasons: {known})")

    @property
    def shown(self) -> tuple[tuple[Explained, Reason], ...]:
        """Of the first number of each task on the page, in its order, what each explanation says."""
        firsts = [(task, label or task) for task, label, *_ in self.analysis.page.rows if task]
        return tuple(
            (one, reason)
            for first in firsts
            for one in self.explained
            for reason in one.reasons
            if (reason.field, reason.label) == first
        )

    def turning(self, reason: Reason) -> str:
        """What would change the answer, for people; empty where it is not known."""
        if reason.turning is None:
            return ""
        parts = " and ".join(f'"{shorten(reason.rows[place].part)}"' for place in reason.turning)
        return f"without {parts} the answer on {reason.label} would turn"

    def to_json(self) -> dict[str, Any]:
        """The analysis as JSON values, with the reasons by explanation."""
        return {**self.analysis.to_json(), "explanations": [attrs.asdict(one) for one in self.explained]}


def columns(explained: Explained) -> tuple[str, ...]:
    """Heads of the rows that an explanation gives."""
    numbers = ("value", "weight", "gives") if explained.kind == "calculation" else ()
    return (explained.heading, *numbers, "adds", "")


def rows(explained: Explained, reason: Reason) -> Iterator[tuple[str, ...]]:
    """Of shares the parts that add or take away most, of a calculation all in their order."""
    longest = max((abs(one.adds) for one in reason.rows), default=0.0) or 1.0
    if explained.kind == "calculation":
        yield from (
            _row(one, longest, _number(one.value), _number(one.weight), _number(one.factor)) for one in reason.rows
        )
        return
    parts = sorted(reason.rows, key=lambda one: -abs(one.adds))
    shown, further = (parts, []) if len(parts) <= MOST_ROWS + 1 else (parts[:MOST_ROWS], parts[MOST_ROWS:])
    yield from (_row(one, longest) for one in shown)
    if further:
        yield f"and {len(further)} more", f"{sum(one.adds for one in further):+.2f}", ""


def _row(row: ReasonRow, longest: float, *numbers: str) -> tuple[str, ...]:
    bar = ("+" if row.adds > 0 else "-") * round(CELLS * abs(row.adds) / longest)
    return shorten(row.part), *numbers, f"{row.adds:+.2f}", bar


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}"


def explain_analysis(model: Model, found: Analysis, text: TextToAnalyze) -> Explanation:
    """The reasons of an analysis.

    Args:
        model: Which gave it.
        found: The analysis.
        text: What was analyzed.

    Raises:
        PluginError: An explanation of an installed package cannot be used or fails.
    """
    from redheart_core.models.explained_text import AnsweredText
    from redheart_core.models.explaining import explain_text
    from redheart_core.models.text_inputs import field_numbers
    from redheart_registry.standing import installed_explanations

    if not found.answers:
        return Explanation(found, ())
    fields = field_numbers(model.assembled, model.encoder, text.values, text.where)
    answered = AnsweredText(model.assembled, model.encoder, text.text, found.answers, fields, found.language)
    return Explanation(found, explain_text(installed_explanations(), answered))
