"""The page of a decision: the order and how sure it is, what it depends on, and then each act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from redheart.decision import ActFigures, Decision, Measured, Ranking, Sensitivity
from redheart.page import measured_elsewhere
from redheart.summary import borne_out, is_unlike, summarize
from redheart_core.data.text import shorten

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart_core.models.findings import Answer, LabelValue

MOST_LABELS = 3
"""Emotions of an act that are shown."""
EMOTIONS = ("emotion", "ekman", "goemotions", "kote")
"""The first of these that stands behind something is shown."""
WORDS = {
    "utility": "utility",
    "expected_regret": "expected regret",
    "largest_regret": "largest regret (minimax)",
    "harm": "harm to persons, by vulnerability",
    "crowd": "what people find less ethical, such acts last",
}
FIGURE_WORDS = {
    "utility": "utility",
    "regret": "regret over outcomes",
    "views": "optimistic, realistic and pessimistic views",
    "harm": "harm to persons",
}
HOW_TO_GIVE = (
    "they follow exactly from outcomes with probabilities and payoffs, or from pleasures, pains and persons, in a JSON "
    "file: redheart decide --file FILE (redheart decide --help describes it)"
)
VIEW_NAMES = ("optimistic", "realistic", "pessimistic")


def page_lines(decision: Decision) -> Iterator[str]:
    """One line after another; nothing but help where it stands alone."""
    if decision.help is not None:
        yield from (*decision.help.lines(), "")
        if decision.help.alone:
            return
    names = [f"{letter_of(number)}: {shorten(act.text)}" for number, act in enumerate(decision.dilemma.acts)]
    if decision.ranking is None:
        yield "no order: nothing is known here that ranks the acts"
        yield from (f"  {name}" for name in names)
    else:
        yield from _ranking(decision, decision.ranking, names)
    if decision.silence:
        yield f"NOT ANSWERED: {decision.silence}"
    if decision.unknown:
        yield f"not known from what is given: {', '.join(FIGURE_WORDS[one] for one in decision.unknown)}; {HOW_TO_GIVE}"
    for number, name in enumerate(names):
        yield ""
        yield name
        yield from _figures(decision, decision.figures[number])
        yield from _words(decision.analyses[number])
    yield ""
    yield "This compares what is given and what models say of the words; the choice is yours."


def letter_of(number: int) -> str:
    """A, B, C, ... for acts from 0."""
    return chr(ord("A") + number)


def _ranking(decision: Decision, ranking: Ranking, names: Sequence[str]) -> Iterator[str]:
    used = [WORDS[name] for name, weight in ranking.weights.items() if weight > 0]
    yield f"ordered by {' and '.join(used)}"
    if ranking.vulnerable_first:
        yield f"before that, by harm to {', then '.join(ranking.vulnerable_first)} (the most vulnerable first)"
    for place, act in enumerate(ranking.order, 1):
        yield f"{place}. {names[act]}   first with probability {ranking.first[act]:.2f}"
    if ranking.level:
        yield f"   nothing separates {letter_of(ranking.order[0])} from {', '.join(map(letter_of, ranking.level))}"
    yield from (f"   assumed: {assumption}" for assumption in ranking.assumptions)
    if decision.crowd is not None:
        shares = ", ".join(f"{letter_of(act)} {share:.2f}" for act, share in enumerate(decision.crowd.least_ethical))
        yield f"people would name as least ethical: {shares} (by the model {decision.crowd.model})"
        yield f"   {_reliance(decision.crowd.measured)}"
    yield "what the first place depends on:"
    yield from (f"   {sensitivity_line(one)}" for one in ranking.sensitivity)


def _reliance(measured: Measured | None) -> str:
    """How far to rely on a model of preferences."""
    if measured is None:
        return "this model was not measured, so how often it is right is not known"
    return (
        f"on {measured.records} held-out pairs it agrees with most raters in {measured.accuracy:.0%}, and its "
        f"probabilities are off by {measured.calibration_error:.2f} on average"
    )


def sensitivity_line(one: Sensitivity) -> str:
    """A number that the first place depends on, and where another act draws level."""
    if one.break_even is None or one.act is None:
        return f"{one.what} {one.value:.3g}: no value brings another act level"
    return f"{one.what} {one.value:.3g}: {letter_of(one.act)} draws level at {one.break_even:.3g}"


def _figures(decision: Decision, figures: ActFigures) -> Iterator[str]:
    """What follows exactly from what was given."""
    for words, value in (
        ("expected utility", figures.expected_utility),
        ("expected regret", figures.expected_regret),
        ("largest regret", figures.largest_regret),
    ):
        if value is not None:
            yield f"  {words} {value:.6g}"
    if figures.counterfactual_regret is not None:
        most = max(range(len(figures.counterfactual_regret)), key=figures.counterfactual_regret.__getitem__)
        value = figures.counterfactual_regret[most]
        if value > 0:
            yield f"  counterfactual regret {value:.6g} at most, for the want of {letter_of(most)}"
    if figures.hedonic_value is not None:
        yield (
            f"  hedonic value {figures.hedonic_value:.6g} hedons: net {figures.net:.6g}, "
            f"burdens {figures.burdens:+.6g}, times {figures.context:.3g} by context"
        )
    if figures.views is not None:
        shown = [
            f"{name} {value:.6g}" for name, value in zip(VIEW_NAMES, figures.views, strict=True) if value is not None
        ]
        kind = "best and worst" if figures.views[1] is None else "quantiles 0.9, 0.5, 0.1"
        yield f"  views ({kind}): {', '.join(shown)}"
    for person in sorted(decision.dilemma.persons, key=lambda one: -one.vulnerability):
        if person.name in figures.harm:
            harm = figures.harm[person.name]
            yield f"  harm to {person.name} {harm:.6g} hedons (vulnerability {person.vulnerability:g})"


def emotions_of(answers: Mapping[str, Answer]) -> tuple[Answer, tuple[LabelValue, ...]] | None:
    """The first of EMOTIONS that stands behind some, and these; else the first that is answered, with none."""
    given = [answers[name] for name in EMOTIONS if name in answers]
    for answer in given:
        if found := borne_out(answer):
            return answer, found[:MOST_LABELS]
    return (given[0], ()) if given else None


def _number(value: LabelValue, named: bool = True) -> str:
    between = "" if value.low is None else f" [{value.low:.2f}, {value.high:.2f}]"
    return f"{value.label + ' ' if named else ''}{value.value:.2f}{between}"


def _words(analysis: Analysis) -> Iterator[str]:
    """What the model says of the words."""
    answers = {answer.field: answer for answer in analysis.answers if not is_unlike(answer)}
    found = emotions_of(answers)
    if found is not None:
        answer, values = found
        labels = ", ".join(_number(value) for value in values)
        yield f"  emotions in the words ({answer.field}): {labels or 'none that the model is sure enough of'}"
    if "votes" in answers:
        labels = ", ".join(f"{value.label} {value.value:.2f}" for value in answers["votes"].values)
        said = summarize(answers["votes"])
        yield f"  a crowd's verdict on who is in the wrong: {labels}{'' if said is None else f'; {said.words()}'}"
    if "regret" in answers:
        (value,) = answers["regret"].values
        unsure = "" if borne_out(answers["regret"]) else "; it may be as usual"
        yield f"  regret in the words: {_number(value, named=False)} of 1{unsure}"
    for texts, fields in measured_elsewhere(analysis).items():
        yield f"  not shown, as measured on texts unlike this one ({', '.join(texts)}): {', '.join(fields)}"
    if not analysis.answers:
        reasons = dict.fromkeys(one.reason for one in analysis.abstentions)
        yield f"  nothing is said of the words: {'; '.join(reasons) or 'the model answers nothing'}"
