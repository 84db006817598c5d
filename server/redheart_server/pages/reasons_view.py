"""Reasons as the page shows them: the text, whose parts are coloured by what they add, and what else explains it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from redheart.reasons import SENTENCES
from redheart_server.pages.words import Words

if TYPE_CHECKING:
    from redheart.reasons import Explanation
    from redheart_core import Reason
    from redheart_core.models.explaining import Explained

LEVELS = 4
"""Strengths of a colour; 0 is none."""


@attrs.frozen
class Part:
    """A sentence or word."""

    text: str
    adds: str
    tone: str
    """"up3" adds much, "down1" takes away a little, "none" does neither."""


@attrs.frozen
class Rows:
    """What another explanation says: what each of its parts adds, and of a calculation how."""

    heading: str
    parts: tuple[tuple[str, str], ...]
    """Each part for people, and what it adds."""


@attrs.frozen
class ReasonView:
    """Why one number is as it is."""

    title: str
    usual: str
    value: str
    parts: tuple[Part, ...]
    """Of the text, in its order; none where no explanation goes by sentences."""
    others: tuple[Rows, ...]
    turning: str
    """What would change the answer; empty where it is not known."""


def reason_views(found: Explanation, say: Words) -> Iterator[ReasonView]:
    """Of the first number of each task on the page."""
    by_number: dict[tuple[str, str], list[tuple[Explained, Reason]]] = {}
    for explained, reason in found.shown:
        by_number.setdefault((reason.field, reason.label), []).append((explained, reason))
    for (field, label), pairs in by_number.items():
        first = pairs[0][1]
        sentences = [reason for explained, reason in pairs if explained.explanation == SENTENCES]
        yield ReasonView(
            say.task(field) if label == field else f"{say.task(field)}: {say.label(label)}",
            f"{first.usual:.2f}",
            f"{first.value:.2f}",
            tuple(part for reason in sentences for part in _parts(reason)),
            tuple(_rows(*pair, say) for pair in pairs if pair[0].explanation != SENTENCES),
            " ".join(_turning(reason, say) for _, reason in pairs if reason.turning is not None),
        )


def _parts(reason: Reason) -> Iterator[Part]:
    longest = max((abs(row.adds) for row in reason.rows), default=0.0) or 1.0
    for row in reason.rows:
        level = round(LEVELS * abs(row.adds) / longest)
        yield Part(row.part, f"{row.adds:+.2f}", f"{'up' if row.adds > 0 else 'down'}{level}" if level else "none")


def _rows(explained: Explained, reason: Reason, say: Words) -> Rows:
    """Of shares the largest first, of a calculation all in their order."""
    ordered = reason.rows
    if explained.kind == "shares":
        ordered = tuple(sorted(reason.rows, key=lambda row: -abs(row.adds)))
    parts = []
    for row in ordered:
        weight = "" if row.weight is None else f" × {row.weight:.2f}"
        name = row.part if row.value is None else f"{row.part} = {row.value:.2f}{weight}"
        parts.append((name, f"{row.adds:+.2f}"))
    return Rows(say.reason(explained.heading), tuple(parts))


def _turning(reason: Reason, say: Words) -> str:
    places = reason.turning or ()
    return say("turning", parts=say("and").join(f"“{reason.rows[place].part}”" for place in places))
