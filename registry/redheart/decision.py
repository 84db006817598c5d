"""What is found out about the acts of a dilemma: as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from redheart.dilemma import Dilemma

if TYPE_CHECKING:
    from redheart.analysis import Analysis
    from redheart_core.safety.help import Help

VERSION = 1
"""Of the JSON form; another one wherever a key is removed or gets another meaning. Keys may be added."""

Views = tuple[float | None, float | None, float | None]
"""Optimistic, realistic, pessimistic: quantiles 0.9, 0.5 and 0.1; best and worst where no probabilities are given."""


@attrs.frozen
class ActFigures:
    """The exact figures of one act; None for what nothing is given for."""

    expected_utility: float | None = None
    """Of the payoffs."""
    expected_regret: float | None = None
    largest_regret: float | None = None
    """The act for which it is least is the minimax one."""
    regret: tuple[float, ...] | None = None
    """In each outcome."""
    counterfactual_regret: tuple[float, ...] | None = None
    """For each act: how much it is expected to be better where it is better."""
    views: Views | None = None
    hedonic_value: float | None = None
    """In hedons: context times the sum of net and burdens, as exact_hedonic gives it."""
    net: float | None = None
    gross: float | None = None
    burdens: float | None = None
    """What external cost, redistribution and self-damage add to the net value."""
    context: float | None = None
    lot_values: tuple[float, ...] | None = None
    harm: Mapping[str, float] = attrs.field(factory=dict)
    """Person to the pains that the act brings, in hedons."""

    @property
    def utility(self) -> float | None:
        """The expected utility of payoffs; of lots their value."""
        return self.hedonic_value if self.expected_utility is None else self.expected_utility


@attrs.frozen
class Measured:
    """A model of preferences on held-out pairs."""

    records: int
    accuracy: float
    """How often it agrees with most raters of a pair."""
    calibration_error: float
    """How far its probabilities are from the shares of votes, on average (Naeini et al. 2015)."""


@attrs.frozen
class CrowdVerdict:
    """What people who compare the acts two at a time find less ethical, by a model of preferences."""

    blame: tuple[float, ...]
    """Of each act in logits, with the mean 0: the difference of two is the logit of their comparison."""
    worse: tuple[tuple[float, ...], ...]
    """Probability that a person finds the row less ethical than the column."""
    least_ethical: tuple[float, ...]
    """Probability of each act to be named the least ethical one of all (Luce 1959)."""
    model: str
    measured: Measured | None = None
    """None if the model was not measured (redheart models pack does)."""


@attrs.frozen
class Sensitivity:
    """One number that the first place depends on."""

    what: str
    """"weight of NAME", "probability of NAME", "payoff of the first act if NAME", "harm of the first act to NAME", or
    "blame of the first act in logits"."""
    value: float
    """As it is."""
    break_even: float | None
    """Where another act draws level; None if none does anywhere."""
    act: int | None
    """That act."""


@attrs.frozen
class Ranking:
    """The acts in order, and how far to rely on it."""

    order: tuple[int, ...]
    """Acts from 0, the first one first."""
    level: tuple[int, ...]
    """Acts that nothing separates from the first one; empty if the first place is its own."""
    criteria: Mapping[str, tuple[float, ...]]
    """Criterion to its value for each act, more is better; all that are known."""
    weights: Mapping[str, float]
    """As they were used."""
    scores: tuple[float, ...]
    """Weighted means of the criteria, each from 0 for the worst act to 1 for the best."""
    vulnerable_first: tuple[str, ...]
    """Persons by whose harm acts were ordered before their scores, the most vulnerable first."""
    first: tuple[float, ...]
    """Probability of each act to come first; that of the first act is the one that the ranking is right."""
    assumptions: tuple[str, ...]
    """What these probabilities rest on."""
    sensitivity: tuple[Sensitivity, ...]


FIGURES = ("utility", "regret", "views", "harm")
"""What is calculated from outcomes and payoffs, or from lots and persons."""


@attrs.frozen(slots=False)
class Decision:
    """Everything about the acts of a dilemma."""

    dilemma: Dilemma
    help: Help | None = None
    """For the person who wrote it; where Help.alone holds, nothing else is said."""
    figures: tuple[ActFigures, ...] = ()
    analyses: tuple[Analysis, ...] = ()
    """Of each act in its situation."""
    crowd: CrowdVerdict | None = None
    silence: str = ""
    """Why there is no crowd's verdict."""
    ranking: Ranking | None = None
    """None where nothing is known that ranks acts, or help stands alone."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Figures that no act has, of FIGURES, as they follow from what is given alone and words do not give them."""
        known = {
            "utility": any(one.utility is not None for one in self.figures),
            "regret": any(one.expected_regret is not None or one.largest_regret is not None for one in self.figures),
            "views": any(one.views is not None for one in self.figures),
            "harm": any(one.harm for one in self.figures),
        }
        return tuple(name for name in FIGURES if self.figures and not known[name])

    def to_json(self) -> dict[str, Any]:
        """As JSON values, of the form that redheart.decision_json.schema describes."""
        acts = [] if self.help is not None and self.help.alone else list(self.dilemma.acts)
        return {
            "version": VERSION,
            "help": None if self.help is None else self.help.to_json(),
            "acts": [
                {
                    "text": act.text,
                    **attrs.asdict(figures),
                    "utility": figures.utility,
                    "analysis": analysis.to_json(),
                }
                for act, figures, analysis in zip(acts, self.figures, self.analyses, strict=True)
            ],
            "crowd": None if self.crowd is None else attrs.asdict(self.crowd),
            "no_crowd_because": self.silence,
            "unknown": list(self.unknown),
            "ranking": None if self.ranking is None else attrs.asdict(self.ranking),
        }

    def lines(self) -> tuple[str, ...]:
        """The page for people."""
        from redheart.decision_page import page_lines

        return tuple(page_lines(self))

    def _repr_html_(self) -> str:
        from html import escape

        from redheart.crisis import html_help

        first = "" if self.help is None else html_help(self.help)
        return f"{first}<pre>{escape(chr(10).join(self.lines()))}</pre>"
