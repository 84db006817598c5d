"""A decision as the page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from redheart.decision_page import emotions_of, letter_of, sensitivity_line
from redheart.summary import is_unlike, summarize
from redheart_server.pages.analysis_view import elsewhere_notes, number_words
from redheart_server.pages.notes_view import language_line
from redheart_server.pages.words import Words

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart.decision import ActFigures, Decision


@attrs.frozen
class ActView:
    """One act."""

    letter: str
    text: str
    place: int | None
    """From 1; None where nothing ranks the acts."""
    first: str
    """Probability to come first, in words; empty without an order."""
    share: float
    """The same as a width, 0..100."""
    blame: str
    """Probability that people name it as the least ethical one; empty where nobody knows."""
    figures: tuple[str, ...]
    """What follows exactly from what is given."""
    words: tuple[str, ...]
    """What the model says of its words."""


def act_views(decision: Decision, say: Words) -> tuple[ActView, ...]:
    """The acts, the first one first; in the order in which they were given where nothing ranks them."""
    ranking = decision.ranking
    order = range(len(decision.dilemma.acts)) if ranking is None else ranking.order
    return tuple(_act(decision, act, place, say) for place, act in enumerate(order, 1))


def _act(decision: Decision, act: int, place: int, say: Words) -> ActView:
    ranking, crowd = decision.ranking, decision.crowd
    first = None if ranking is None else ranking.first[act]
    return ActView(
        letter_of(act),
        decision.dilemma.acts[act].text,
        None if ranking is None else place,
        "" if first is None else say("first_with", share=f"{first:.0%}"),
        round(100 * (first or 0.0), 1),
        "" if crowd is None else say("blame", share=f"{crowd.least_ethical[act]:.0%}"),
        tuple(_figures(decision, decision.figures[act], say)),
        tuple(_words(decision.analyses[act], say)),
    )


def _figures(decision: Decision, figures: ActFigures, say: Words) -> Iterator[str]:
    """As the command says it: utility, regrets, the hedonic value, views, harm to each person."""
    for key, value in (
        ("figure_utility", figures.expected_utility),
        ("figure_expected_regret", figures.expected_regret),
        ("figure_largest_regret", figures.largest_regret),
        ("figure_hedonic", figures.hedonic_value),
    ):
        if value is not None:
            yield say(key, value=f"{value:.6g}")
    if figures.views is not None:
        high, middle, low = (None if one is None else f"{one:.6g}" for one in figures.views)
        if middle is None:
            yield say("best_worst", high=high, low=low)
        else:
            yield say("views", high=high, middle=middle, low=low)
    for person in sorted(decision.dilemma.persons, key=lambda one: -one.vulnerability):
        if person.name in figures.harm:
            harm = f"{figures.harm[person.name]:.6g}"
            yield say("figure_harm", person=person.name, value=harm, vulnerability=f"{person.vulnerability:g}")


def _words(analysis: Analysis, say: Words) -> Iterator[str]:
    """As the command says it: emotions, a crowd's verdict, regret."""
    answers = {answer.field: answer for answer in analysis.answers if not is_unlike(answer)}
    found = emotions_of(answers)
    if found is not None:
        labels = [f"{say.label(value.label)} {number_words(found[0], value)}" for value in found[1]]
        yield say("act_emotions", labels=", ".join(labels) or say("none_sure"))
    if "votes" in answers:
        labels = [f"{say.label(value.label)} {value.value:.2f}" for value in answers["votes"].values]
        said = summarize(answers["votes"])
        words = [] if said is None else [said.words(say.reason, say.label)]
        yield say("act_votes", labels="; ".join([", ".join(labels), *words]))
    if "regret" in answers:
        (value,) = answers["regret"].values
        yield say("act_regret", value=number_words(answers["regret"], value))
    yield from elsewhere_notes(analysis, say)
    if not analysis.answers:
        yield say("act_silent", why=language_line(analysis.language, say))


def decision_view(decision: Decision, say: Words) -> dict[str, Any]:
    """What the template of a decision reads."""
    ranking, crowd = decision.ranking, decision.crowd
    weights = {} if ranking is None else ranking.weights
    level = () if ranking is None else ranking.level
    measured = None if crowd is None else crowd.measured
    return {
        "alone": decision.help is not None and decision.help.alone,
        "acts": () if not decision.analyses else act_views(decision, say),
        "level": "" if ranking is None or not level else say(
            "level", first=letter_of(ranking.order[0]), others=", ".join(map(letter_of, level))
        ),
        "criteria": [say.task(name) for name, weight in weights.items() if weight > 0],
        "vulnerable_first": "" if ranking is None or not ranking.vulnerable_first else say(
            "vulnerable_first", persons=", ".join(ranking.vulnerable_first)
        ),
        "depends": [] if ranking is None else [sensitivity_line(one) for one in ranking.sensitivity],
        "reliance": "" if measured is None else say(
            "reliance", records=measured.records, accuracy=f"{measured.accuracy:.0%}",
            error=f"{measured.calibration_error:.2f}",
        ),
        "unknown": "" if not decision.unknown else say(
            "not_known", figures=", ".join(say(f"not_known_{one}") for one in decision.unknown)
        ),
        "unmeasured": crowd is not None and measured is None,
    }  # fmt: skip
