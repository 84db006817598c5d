"""What a number claims, and how many of the modules behind an answer claim the same by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redheart_core.contract.fields import Field
from redheart_core.models.findings import NEAR

if TYPE_CHECKING:
    from redheart_core.models.findings import Answer, LabelValue


def claim(about: Field, value: LabelValue) -> int | None:
    """1 of a label that is predicted or a number above the usual, -1 of one below it, 0 of neither; None if unknown."""
    if about.binary:
        return None if value.threshold is None else int(value.value >= value.threshold)
    if value.deviations is None:
        return None
    return 0 if abs(value.deviations) < NEAR else 1 if value.deviations > 0 else -1


def members_on(answer: Answer, value: LabelValue) -> list[LabelValue]:
    """What each module behind an answer says of one of its numbers."""
    return [one for member in answer.members for one in member.values if one.label == value.label]


def agrees(about: Field, one: LabelValue, value: LabelValue) -> bool | None:
    """Whether a module's number claims what the answer's does; None where one of them claims nothing that is known."""
    theirs, ours = claim(about, one), claim(about, value)
    return None if theirs is None or ours is None else theirs == ours


def agreeing(answer: Answer, value: LabelValue) -> tuple[int, int]:
    """Of an answer's number: how many modules behind it agree, and of how many that is known."""
    known = [same for one in members_on(answer, value) if (same := agrees(answer.about, one, value)) is not None]
    return sum(known), len(known)


def agreement(answer: Answer, value: LabelValue) -> str:
    """The same in words, such as "2/3"; "-" where none can agree."""
    agreed, known = agreeing(answer, value)
    return f"{agreed}/{known}" if known else "-"
