"""An analysis as the page shows it: in words of the reader's language, with places on tracks from 0 to 100."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from redheart.claims import agreeing, members_on
from redheart.page import (
    LIKELY,
    MOST_LABELS,
    SIZES,
    as_usual,
    left_open,
    likelihood,
    measured_elsewhere,
    narrowed_fields,
    place_in_range,
    size,
    unusual,
)
from redheart.summary import borne_out, summarize
from redheart_server.pages.words import Words

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart_core.models.findings import Answer, LabelValue


@attrs.frozen
class Track:
    """Places of a number and of what stands beside it, 0..100 of the width."""

    at: float
    low: float | None
    high: float | None
    mark: float | None
    """The usual value; of a probability the threshold."""
    members: tuple[float, ...]
    """What each module says."""
    filled: bool
    """Whether the number is drawn as a bar from the left, as a probability."""


@attrs.frozen
class NumberRow:
    """One number of an answer."""

    label: str
    value: str
    words: str
    track: Track | None
    agreement: str
    """How many modules say so too; empty where that is known of fewer than two."""
    split: bool
    """Whether fewer than all of them do."""
    unsure: bool
    """Whether it is less sure than the stakes want."""


@attrs.frozen
class AnswerView:
    """One task."""

    field: str
    title: str
    meaning: str
    meaning_language: str
    rows: tuple[NumberRow, ...]
    more: int
    """Further labels that are telling."""
    summary: str
    """What the numbers come to; empty where nothing is likely enough."""
    set_words: str
    """What else the set holds; empty without one, and where the summary names all of it."""
    modules: tuple[str, ...]


def answer_views(analysis: Analysis, say: Words) -> tuple[AnswerView, ...]:
    """The tasks on which the text is unusual, the most telling first."""
    return tuple(_answer(answer, _raised(analysis), say) for answer in unusual(analysis))


def usual_tasks(analysis: Analysis, say: Words) -> tuple[str, ...]:
    """The tasks that are answered and on which nothing is unusual."""
    return tuple(map(say.task, as_usual(analysis)))


def open_tasks(analysis: Analysis, say: Words) -> tuple[str, ...]:
    """The tasks whose answers claim nothing that they stand behind."""
    return tuple(map(say.task, left_open(analysis)))


def narrowed_notes(analysis: Analysis, say: Words) -> Iterator[str]:
    """Which few labels may be true, a sentence for each task of whose labels none is sure enough."""
    for field, said in narrowed_fields(analysis).items():
        yield say("narrowed", task=say.task(field), labels=said.set_words(say.reason, say.label))


def elsewhere_notes(analysis: Analysis, say: Words) -> Iterator[str]:
    """Which tasks were measured on texts unlike this one, a sentence for each set of data sets."""
    for texts, fields in measured_elsewhere(analysis).items():
        yield say("measured_elsewhere", texts=", ".join(texts), tasks=", ".join(map(say.task, fields)))


def range_notes(analysis: Analysis, say: Words) -> Iterator[str]:
    """What intervals and sets hold, or that there are none; and that no limit is known."""
    if analysis.answers and not analysis.calibrated:
        yield say("not_calibrated")
    if analysis.answers and analysis.unlimited:
        yield say("unlimited")
    shares = {1 - one.certainty.alpha for one in analysis.answers if one.certainty is not None}
    yield from (say("intervals_hold", share=f"{share:.0%}") for share in sorted(shares))
    if analysis.reads_like:
        yield say("reads_like", name=analysis.reads_like)


def _raised(analysis: Analysis) -> bool:
    """Whether the stakes want more than is usual."""
    return analysis.context is not None and analysis.context.stakes != "usual"


def _answer(answer: Answer, raised: bool, say: Words) -> AnswerView:
    telling = borne_out(answer)
    said = summarize(answer)
    meaning = say.meanings.get(answer.field)
    return AnswerView(
        answer.field,
        say.task(answer.field),
        answer.about.meaning if meaning is None else meaning,
        "en" if meaning is None else say.code,
        tuple(_row(answer, value, raised, say) for value in telling[:MOST_LABELS]),
        max(0, len(telling) - MOST_LABELS),
        "" if said is None else said.first_words(say.reason, say.label),
        "" if said is None else said.set_words(say.reason, say.label),
        tuple(member.plugin for member in answer.members) if answer.fused else (),
    )


def _row(answer: Answer, value: LabelValue, raised: bool, say: Words) -> NumberRow:
    asked = members_on(answer, value) if answer.fused else []
    agreed, known = agreeing(answer, value) if answer.fused else (0, 0)
    return NumberRow(
        label="" if value.label == answer.field else say.label(value.label),
        value=number_words(answer, value),
        words=likely_words(value, say) if answer.about.binary else distance_words(value, say),
        track=_track(answer, value, asked),
        agreement="" if known < 2 else say("modules_agree", count=agreed, all=known),
        split=known > 1 and agreed < known,
        unsure=raised and value.label in answer.unsure,
    )


def _track(answer: Answer, value: LabelValue, asked: Sequence[LabelValue]) -> Track | None:
    def place(number: float | None) -> float | None:
        share = None if number is None else place_in_range(answer.about, number)
        return None if share is None else round(100 * share, 1)

    at = place(value.value)
    if at is None:
        return None
    members = [place(one.value) for one in asked]
    return Track(
        at,
        place(value.low),
        place(value.high),
        place(value.threshold if answer.about.binary else value.training_mean),
        tuple(one for one in members if one is not None),
        answer.about.binary,
    )


def number_words(answer: Answer, value: LabelValue) -> str:
    """The number with its interval and unit."""
    apart = "" if value.disagreement is None else f" ± {value.disagreement:.2f}"
    apart += "" if value.low is None else f" [{value.low:.2f}, {value.high:.2f}]"
    unit = "" if answer.finding.unit == "1" else f" {answer.finding.unit}"
    return f"{value.value:.2f}{apart}{unit}"


def likely_words(value: LabelValue, say: Words) -> str:
    """How likely a label is."""
    place = likelihood(value)
    return say.reason(LIKELY[place][1])


def distance_words(value: LabelValue, say: Words) -> str:
    """How far a number is from the mean."""
    place = size(value)
    if place is None or value.deviations is None or value.training_mean is None:
        return ""
    side = "above" if value.deviations > 0 else "below"
    return say(f"{'far_' if SIZES[place][1] else ''}{side}", mean=f"{value.training_mean:.2f}")
