"""A dilemma as a user states it: acts, and as much as is known of outcomes and persons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


@attrs.frozen
class Complaint:
    """One thing that is wrong with a dilemma."""

    pointer: str
    """Where, as a JSON pointer (RFC 6901) into what was given, acts in words as objects with a text."""
    detail: str
    """What was expected, what came, how to fix it."""


class DilemmaError(DataError):
    """A dilemma that is not whole, or does not fit together."""

    def __init__(self, message: str, complaints: Sequence[Complaint]) -> None:
        super().__init__(message)
        self.complaints = tuple(complaints)


def read_dilemma(given: Sequence[str] | Mapping[str, Any], where: str = "the dilemma") -> Dilemma:
    """Acts in words, or a table as in a JSON file, whose acts may be words too.

    Raises:
        DilemmaError: It has not the form of a dilemma, is not whole, or does not fit together; names everything that is
            wrong, with its place.
    """
    from redheart_core.storage.structuring import structure

    table: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"acts": list(given)}
    acts = table.get("acts")
    if isinstance(acts, list | tuple):
        table["acts"] = [{"text": act} if isinstance(act, str) else act for act in acts]
    try:
        dilemma = structure(_plain(table), Dilemma, where, DataError)
    except DataError as error:
        raise DilemmaError(str(error), [Complaint("", str(error))]) from error
    complaints = [*_acts(dilemma), *_outcomes(dilemma), *_persons(dilemma), *_choice(dilemma)]
    if complaints:
        message = join_complaints(f"{where} cannot be decided:", [one.detail for one in complaints])
        raise DilemmaError(message, complaints)
    return dilemma


def _plain(value: object) -> object:
    """Tuples as lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _acts(dilemma: Dilemma) -> Iterator[Complaint]:
    acts = dilemma.acts
    if len(acts) < 2:
        yield Complaint(
            "/acts", f"a choice needs two acts or more, got {len(acts)}; give each alternative, doing nothing too"
        )
    if len(acts) > MOST_ACTS:
        yield Complaint(
            "/acts", f"at most {MOST_ACTS} acts are compared, got {len(acts)}; leave out those that are ruled out"
        )
    yield from _texts(dilemma)
    for number, act in enumerate(acts):
        unknown = sorted(act.layers.keys() - set(LAYERS))
        if unknown:
            yield Complaint(
                f"/acts/{number}/layers",
                f"act {number + 1}: there is no layer {', '.join(unknown)} (layers: {', '.join(LAYERS)})",
            )
        if act.lots is None and (act.layers or act.external_cost or act.redistribution or act.self_damage):
            yield Complaint(
                f"/acts/{number}", f"act {number + 1}: burdens and layers weigh lots, and it has none; give its 'lots'"
            )


def _texts(dilemma: Dilemma) -> Iterator[Complaint]:
    from redheart_core.data.text import check_text

    texts = [(f"/acts/{number}/text", f"act {number + 1}", act.text) for number, act in enumerate(dilemma.acts)]
    situation = [("/situation", "situation", dilemma.situation)] if dilemma.situation else []
    for pointer, place, text in [*texts, *situation]:
        try:
            check_text(text, place)
        except DataError as error:
            yield Complaint(pointer, str(error))
    words = [" ".join(act.text.split()) for act in dilemma.acts]
    for word in sorted({word for word in words if word and words.count(word) > 1}):
        again = words.index(word, words.index(word) + 1)
        yield Complaint(f"/acts/{again}/text", f"the act {word!r:.60} is given twice")


def _outcomes(dilemma: Dilemma) -> Iterator[Complaint]:
    """Payoffs go with outcomes and probabilities."""
    acts = dilemma.acts
    for key in ("payoffs", "lots"):
        without = [number for number, act in enumerate(acts) if getattr(act, key) is None]
        if 0 < len(without) < len(acts):
            named = ", ".join(str(number + 1) for number in without)
            yield Complaint(
                f"/acts/{without[0]}", f"some acts have {key} and act {named} has none; give them for all acts or none"
            )
    sizes = {len(act.payoffs) for act in acts if act.payoffs is not None}
    if len(sizes) > 1 or 0 in sizes:
        yield Complaint(
            "/acts", f"every act needs a payoff for each outcome, got {sorted(sizes)} payoffs; give as many for each"
        )
    for key in ("outcomes", "probabilities"):
        own = getattr(dilemma, key)
        if own is not None and not sizes:
            yield Complaint(f"/{key}", f"'{key}' go with payoffs; give each act a list of 'payoffs'")
        elif own is not None and len(sizes) == 1 and len(own) not in sizes:
            yield Complaint(
                f"/{key}", f"'{key}' has {len(own)} entries for {min(sizes)} payoffs; give one for each outcome"
            )
    if dilemma.probabilities is not None:
        from redheart_core.exact.numbers import distribution

        try:
            distribution("probabilities", dilemma.probabilities)
        except DataError as error:
            yield Complaint("/probabilities", str(error))


def _persons(dilemma: Dilemma) -> Iterator[Complaint]:
    names = [person.name for person in dilemma.persons]
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield Complaint("/persons", f"the person '{name}' is given twice")
    for number, person in enumerate(dilemma.persons):
        if not 0.0 <= person.vulnerability <= 1.0:
            yield Complaint(
                f"/persons/{number}/vulnerability",
                f"person '{person.name}': vulnerability lies in 0..1, got {person.vulnerability:g}",
            )
    felt = {lot.person for act in dilemma.acts for lot in act.lots or () if lot.person is not None}
    known = ", ".join(names) or "none"
    for name in sorted(felt - {*names}):
        yield Complaint("/persons", f"a lot names the person '{name}', who is not given (persons: {known})")
    if dilemma.vulnerable_first and not felt:
        yield Complaint(
            "/vulnerable_first",
            "'vulnerable_first' needs to know who is harmed; give 'persons', and lots that name them",
        )


def _choice(dilemma: Dilemma) -> Iterator[Complaint]:
    unknown = sorted(dilemma.weights.keys() - set(CRITERIA))
    if unknown:
        yield Complaint("/weights", f"there is no criterion {', '.join(unknown)} (criteria: {', '.join(CRITERIA)})")
    for name, value in dilemma.weights.items():
        if value < 0:
            yield Complaint("/weights", f"the weight of {name} is {value:g}; give one from 0 on")
    if not 0.0 <= dilemma.error <= 1.0:
        yield Complaint("/error", f"'error' is a share in 0..1 of the range of the numbers, got {dilemma.error:g}")
