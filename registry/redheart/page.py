"""The page of an analysis, which is read in ten seconds: what is as usual is only named, and silence has its reason.

How sure an answer is stands in its rows and behind them. A text beyond the limits of the model is among what is not
answered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from redheart.similar import evidence_lines
from redheart.summary import Summary, borne_out, is_unlike, narrowed, summarize
from redheart_core.contract.fields import Field
from redheart_core.models.findings import NEAR

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart_core.models.abstaining import Abstention, Silence
    from redheart_core.models.findings import Answer, LabelValue

COLUMNS = ("task", "label", "value", "", "in words")
"""Heads of Page.rows."""
MOST_TASKS, MOST_LABELS = 8, 3
"""Of a page, and of a task on it; the others are named or counted."""
CELLS = 10
"""Of a bar."""
SIZES = ((2.0, "far "), (NEAR, ""))
"""From how many standard deviations on a number is how far from the usual."""
LIKELY = ((0.8, "very likely"), (0.5, "likely"), (0.0, "perhaps"))
"""Words for a probability alone: the threshold, from which on a label is predicted, may be far below one half."""


UNLIMITED = (
    "the model had too few calibration texts to know which texts are unlike those that it learnt from: it answers "
    "every text, nonsense too"
)
"""Of an analysis that is unlimited."""


@attrs.frozen
class Page:
    """An analysis for people."""

    head: str
    """The language of the text; or that nothing is answered."""
    rows: tuple[tuple[str, str, str, str, str], ...]
    """Task, label, value, bar and words; the most telling task first."""
    notes: tuple[str, ...]
    """What is as usual, what is not answered and why, and warnings."""


def make_page(analysis: Analysis) -> Page:
    """The page of an analysis."""
    found = unusual(analysis)
    shown, further = found[:MOST_TASKS], found[MOST_TASKS:]
    rows = tuple(row for answer in shown for row in _rows(answer, borne_out(answer)))
    notes = [
        *_context(analysis),
        *evidence_lines(analysis),
        *_names("also unusual, see --details", [answer.field for answer in further]),
        *_names("nothing unusual", as_usual(analysis)),
        *_names("nothing sure enough to show, see --details", left_open(analysis)),
        *_elsewhere(analysis),
        *_certainties(analysis, shown),
        *_silences(analysis.abstentions),
        *_uncalibrated(analysis),
        *((f"WARNING: {UNLIMITED}",) if analysis.answers and analysis.unlimited else ()),
        *(f"not in this model: group {group}, {reason}" for group, reason in analysis.missing.items()),
        *_names("not installed here, and without an answer", analysis.absent),
        *(f"WARNING: {warning}" for warning in analysis.warnings),
    ]
    silent = "" if analysis.answers else "; the model answers nothing on this text"
    return Page(f"language: {analysis.language}{silent}", rows, tuple(notes))


def unusual(analysis: Analysis) -> list[Answer]:
    """The answers that stand behind something that they claim, the most telling first."""
    telling = [(answer, borne_out(answer)) for answer in analysis.answers]
    found = [(max(abs(value.deviations or 0.0) for value in own), answer) for answer, own in telling if own]
    return [answer for _, answer in sorted(found, key=lambda pair: -pair[0])]


def as_usual(analysis: Analysis) -> list[str]:
    """Fields on which nothing is unusual."""
    found = [answer for answer in analysis.answers if not answer.telling and narrowed(answer) is None]
    return [answer.field for answer in found if not is_unlike(answer)]


def left_open(analysis: Analysis) -> list[str]:
    """Fields whose answers claim something that neither set nor interval bears out, and have no set of few labels."""
    found = [answer for answer in analysis.answers if answer.telling and not borne_out(answer)]
    return [answer.field for answer in found if not is_unlike(answer) and narrowed(answer) is None]


def narrowed_fields(analysis: Analysis) -> dict[str, Summary]:
    """Fields of whose labels none is sure enough, but only a few may be true."""
    found = {answer.field: narrowed(answer) for answer in analysis.answers}
    return {field: said for field, said in found.items() if said is not None}


def measured_elsewhere(analysis: Analysis) -> dict[tuple[str, ...], list[str]]:
    """The data sets that answers were measured on, where the text is unlike these, to the fields of the answers."""
    found: dict[tuple[str, ...], list[str]] = {}
    for answer in analysis.answers:
        if answer.certainty is not None and answer.certainty.unlike:
            found.setdefault(answer.certainty.measured_on, []).append(answer.field)
    return found


def not_sure_enough(analysis: Analysis) -> list[str]:
    """Fields that are shown with a number that is less sure than the stakes want."""
    if analysis.context is None or analysis.context.stakes == "usual":
        return []
    return [one.field for one in analysis.answers if any(value.label in one.unsure for value in borne_out(one))]


def likelihood(value: LabelValue) -> int:
    """The place in LIKELY of a probability."""
    return next(place for place, (least, _) in enumerate(LIKELY) if value.value >= least)


def size(value: LabelValue) -> int | None:
    """The place in SIZES of a number's distance from the usual; None where that is not known."""
    if value.deviations is None:
        return None
    return next(place for place, (least, _) in enumerate(SIZES) if abs(value.deviations) >= least)


def place_in_range(about: Field, value: float) -> float | None:
    """Where a number lies between the ends of its range, 0..1; None where the range has no end."""
    low, high = (0.0, 1.0) if about.binary or _shares(about) else (about.low, about.high)
    if not math.isfinite(high - low):
        return None
    return min(1.0, max(0.0, (value - low) / (high - low)))


def absences(absent: Mapping[str, str]) -> Iterator[str]:
    """One line for each reason why groups cannot answer on this machine."""
    for reason in dict.fromkeys(absent.values()):
        groups = [name for name, other in absent.items() if other == reason]
        yield f"{', '.join(groups)} {'abstains' if len(groups) == 1 else 'abstain'}: {reason}"


def _rows(answer: Answer, telling: Sequence[LabelValue]) -> Iterator[tuple[str, str, str, str, str]]:
    """A row for each of the first labels, and how many more there are."""
    for number, value in enumerate(telling[:MOST_LABELS]):
        label = value.label if value.label != answer.field else ""
        words = _likely(value) if answer.about.binary else _distance(value)
        yield "" if number else answer.field, label, _number(answer, value), _bar(answer.about, value.value), words
    if len(telling) > MOST_LABELS:
        yield "", f"and {len(telling) - MOST_LABELS} more", "", "", ""


def _number(answer: Answer, value: LabelValue) -> str:
    """The number with the deviation of an ensemble's members, its interval, and its unit."""
    apart = "" if value.disagreement is None else f" ± {value.disagreement:.2f}"
    apart += "" if value.low is None else f" [{value.low:.2f}, {value.high:.2f}]"
    unit = "" if answer.finding.unit == "1" else f" {answer.finding.unit}"
    return f"{value.value:.2f}{apart}{unit}"


def _likely(value: LabelValue) -> str:
    return LIKELY[likelihood(value)][1]


def _distance(value: LabelValue) -> str:
    """How far a number is from the mean over the training records."""
    place = size(value)
    if place is None or value.deviations is None:
        return ""
    return f"{SIZES[place][1]}{'above' if value.deviations > 0 else 'below'} the mean {value.training_mean:.2f}"


def _bar(about: Field, value: float) -> str:
    """Where a number lies between the ends of its range; nothing where the range has no end."""
    share = place_in_range(about, value)
    return "" if share is None else "#" * round(CELLS * share)


def _shares(about: Field) -> bool:
    return about.simplex or about.counts


def _context(analysis: Analysis) -> Iterator[str]:
    """Whom the text is about, what raises the stakes, and answers that are not sure enough for that; one line."""
    context = analysis.context
    if context is None or not context.notes:
        return
    raised = context.stakes != "usual"
    named = [f"{heading}: {', '.join(names)}" for heading, names in context.notes.items()]
    yield "; ".join([*([f"stakes {context.stakes}"] if raised else []), *named])
    if unsure := not_sure_enough(analysis):
        yield f"WARNING: not {context.sureness:.0%} sure, as stakes want it: {', '.join(unsure)}"


def _certainties(analysis: Analysis, shown: Sequence[Answer]) -> Iterator[str]:
    """Each answer that has a set in a few words, with the set, and what intervals and sets hold."""
    shares, several = set(), False
    open_sets = narrowed_fields(analysis)
    for answer in (*shown, *(one for one in analysis.answers if one.field in open_sets)):
        if answer.certainty is None:
            continue
        said = open_sets.get(answer.field) or summarize(answer)
        several |= answer.about.binary and answer.certainty.together is not None
        if said is not None:
            unsure = "nothing sure enough; " if answer.field in open_sets else ""
            yield f"{answer.field}: {unsure}{said.words()}{' (--details)' if said.open else ''}"
        if said is not None or any(one.low is not None for one in answer.values):
            shares.add(1 - answer.certainty.alpha)
    like = f"; this text reads like {analysis.reads_like}" if analysis.reads_like else ""
    for share in shares:
        labels = f", a set of what may be true {share:.0%} of a text's labels on average" if several else ""
        yield (
            f"intervals [low, high] and sets hold the truth in {share:.0%} of all texts like the calibration records"
            f"{labels}{like}"
        )


def _elsewhere(analysis: Analysis) -> Iterator[str]:
    """One line for each set of data sets that answers were measured on and the text is unlike."""
    for texts, fields in measured_elsewhere(analysis).items():
        yield f"measured on texts unlike this one ({', '.join(texts)}), see --details: {', '.join(fields)}"


def _uncalibrated(analysis: Analysis) -> tuple[str, ...]:
    """That answers have no interval and no set, for want of calibration records."""
    if not analysis.calibrated:
        return ("not calibrated: the model has no intervals and sets; how far an answer is off is unknown",)
    return _names("not calibrated", [answer.field for answer in analysis.answers if answer.certainty is None])


def _names(title: str, names: Sequence[str]) -> tuple[str, ...]:
    return (f"{title}: {', '.join(names)}",) if names else ()


def _silences(abstentions: Sequence[Abstention]) -> Iterator[str]:
    """One line for each reason, with the fields that are not answered for it."""
    because: dict[tuple[Silence, ...], list[Abstention]] = {}
    for abstention in abstentions:
        because.setdefault(abstention.because, []).append(abstention)
    for group in because.values():
        fields = ", ".join(abstention.field for abstention in group)
        remedy = f"; what would help: {group[0].remedy}" if group[0].remedy else ""
        yield f"NOT ANSWERED: {fields}: {group[0].reason}{remedy}"
