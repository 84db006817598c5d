"""A dilemma as a user states it: acts, and as much as is known of outcomes and persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from redheart_core.contract.errors import DataError, join_complaints

CRITERIA = ("utility", "expected_regret", "largest_regret", "harm", "crowd")
"""What acts may be ranked by."""
LAYERS = ("cultural", "temporal", "social", "personal", "moral", "situational")
MOST_ACTS = 20


@attrs.frozen
class Person:
    """Somebody whom the acts may harm."""

    name: str
    vulnerability: float
    """0..1; the most vulnerable person comes first."""


@attrs.frozen
class Lot:
    """A pleasure or pain that an act brings, as in the hedonic calculus (redheart calculate exact_hedonic)."""

    sign: float
    """1 pleasure, -1 pain."""
    intensity: float
    days: float
    certainty: float = 1.0
    delay_days: float = 0.0
    fecundity: float = 0.0
    purity: float = 1.0
    persons: float = 1.0
    person: str | None = None
    """Who feels it, of the persons of the dilemma."""


@attrs.frozen
class Act:
    """One of the alternatives."""

    text: str
    payoffs: tuple[float, ...] | None = None
    """One for each outcome, in any unit."""
    lots: tuple[Lot, ...] | None = None
    """None if they are not known; an empty list if nothing is felt."""
    external_cost: float = 0.0
    redistribution: float = 0.0
    self_damage: float = 0.0
    layers: Mapping[str, float] = attrs.field(factory=dict)
    """Of the context, those that are not neutral."""


@attrs.frozen
class Dilemma:
    """Alternatives, and what is known of them."""

    acts: tuple[Act, ...]
    situation: str = ""
    language: str | None = None
    outcomes: tuple[str, ...] | None = None
    """Names of the outcomes, in the order of the payoffs."""
    probabilities: tuple[float, ...] | None = None
    persons: tuple[Person, ...] = ()
    weights: Mapping[str, float] = attrs.field(factory=dict)
    """Criterion to weight; the others have 0. What is known decides if there are none."""
    vulnerable_first: bool = False
    """Acts that harm the most vulnerable person less come first, whatever the other criteria say."""
    error: float = 0.1
    """How uncertain given numbers are: standard deviation, as a share of their range."""

    @property
    def states(self) -> int:
        """How many outcomes there are; 0 without payoffs."""
        return len(self.acts[0].payoffs or ())

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Names of the outcomes, made up if there are none."""
        return self.outcomes or tuple(f"outcome {number}" for number in range(1, self.states + 1))


def read_dilemma(given: Sequence[str] | Mapping[str, Any], where: str = "the dilemma") -> Dilemma:
    """Acts in words, or a table as in a JSON file, whose acts may be words too.

    Raises:
        DataError: It is not whole, or does not fit together; the message says everything that is wrong.
    """
    from redheart_core.storage.structuring import structure

    table: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"acts": list(given)}
    acts = table.get("acts")
    if isinstance(acts, list | tuple):
        table["acts"] = [{"text": act} if isinstance(act, str) else act for act in acts]
    dilemma = structure(_plain(table), Dilemma, where, DataError)
    complaints = [*_acts(dilemma), *_outcomes(dilemma), *_persons(dilemma), *_choice(dilemma)]
    if complaints:
        raise DataError(join_complaints(f"{where} cannot be decided:", complaints))
    return dilemma


def _plain(value: object) -> object:
    """Tuples as lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _acts(dilemma: Dilemma) -> list[str]:
    from redheart_core.data.text import check_text

    acts, found = dilemma.acts, []
    if len(acts) < 2:
        found.append(f"a choice needs two acts or more, got {len(acts)}; give each alternative, doing nothing too")
    if len(acts) > MOST_ACTS:
        found.append(f"at most {MOST_ACTS} acts are compared, got {len(acts)}; leave out those that are ruled out")
    texts = [(f"act {number}", act.text) for number, act in enumerate(acts, 1)]
    for place, text in [*texts, *([("situation", dilemma.situation)] if dilemma.situation else [])]:
        try:
            check_text(text, place)
        except DataError as error:
            found.append(str(error))
    words = [" ".join(act.text.split()) for act in acts]
    twice = sorted({word for word in words if word and words.count(word) > 1})
    found += [f"the act {word!r:.60} is given twice" for word in twice]
    for number, act in enumerate(acts, 1):
        unknown = sorted(act.layers.keys() - set(LAYERS))
        if unknown:
            found.append(f"act {number}: there is no layer {', '.join(unknown)} (layers: {', '.join(LAYERS)})")
        if act.lots is None and (act.layers or act.external_cost or act.redistribution or act.self_damage):
            found.append(f"act {number}: burdens and layers weigh lots, and it has none; give its 'lots'")
    return found


def _outcomes(dilemma: Dilemma) -> list[str]:
    """Payoffs go with outcomes and probabilities."""
    found, acts = [], dilemma.acts
    for key in ("payoffs", "lots"):
        without = [str(number) for number, act in enumerate(acts, 1) if getattr(act, key) is None]
        if 0 < len(without) < len(acts):
            found.append(f"some acts have {key} and act {', '.join(without)} has none; give them for all acts or none")
    sizes = {len(act.payoffs) for act in acts if act.payoffs is not None}
    if len(sizes) > 1 or 0 in sizes:
        found.append(f"every act needs a payoff for each outcome, got {sorted(sizes)} payoffs; give as many for each")
    for key in ("outcomes", "probabilities"):
        own = getattr(dilemma, key)
        if own is not None and not sizes:
            found.append(f"'{key}' go with payoffs; give each act a list of 'payoffs'")
        elif own is not None and len(sizes) == 1 and len(own) not in sizes:
            found.append(f"'{key}' has {len(own)} entries for {min(sizes)} payoffs; give one for each outcome")
    if dilemma.probabilities is not None:
        from redheart_core.exact.numbers import distribution

        try:
            distribution("probabilities", dilemma.probabilities)
        except DataError as error:
            found.append(str(error))
    return found


def _persons(dilemma: Dilemma) -> list[str]:
    names = [person.name for person in dilemma.persons]
    found = [f"the person '{name}' is given twice" for name in sorted({one for one in names if names.count(one) > 1})]
    found += [
        f"person '{person.name}': vulnerability lies in 0..1, got {person.vulnerability:g}"
        for person in dilemma.persons
        if not 0.0 <= person.vulnerability <= 1.0
    ]
    felt = {lot.person for act in dilemma.acts for lot in act.lots or () if lot.person is not None}
    known = ", ".join(names) or "none"
    found += [
        f"a lot names the person '{name}', who is not given (persons: {known})" for name in sorted(felt - {*names})
    ]
    if dilemma.vulnerable_first and not felt:
        found.append("'vulnerable_first' needs to know who is harmed; give 'persons', and lots that name them")
    return found


def _choice(dilemma: Dilemma) -> list[str]:
    unknown = sorted(dilemma.weights.keys() - set(CRITERIA))
    found = [f"there is no criterion {', '.join(unknown)} (criteria: {', '.join(CRITERIA)})"] if unknown else []
    found += [
        f"the weight of {name} is {value:g}; give one from 0 on" for name, value in dilemma.weights.items() if value < 0
    ]
    if not 0.0 <= dilemma.error <= 1.0:
        found.append(f"'error' is a share in 0..1 of the range of the numbers, got {dilemma.error:g}")
    return found
