"""The company: everybody who lives through an event, with character and culture."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal

import attrs

from redheart_village.acts import MATTERS
from redheart_village.people import CLOSENESS, FREQUENCY, Person, anybody
from redheart_village.streams import between, pick_weighted
from redheart_village.world import Situation

Culture = Literal["korean", "western", "eastern", "global"]
CULTURES: tuple[Culture, ...] = ("korean", "western", "eastern", "global")


@attrs.frozen
class Manners:
    """How a culture deals with feelings; each 0..1."""

    suppression: float
    """How much of a feeling is held back."""
    harmony: float
    """How much everybody fits in."""
    indirectness: float
    """How much is left to be understood."""


MANNERS: Mapping[Culture, Manners] = {
    "korean": Manners(0.7, 0.9, 0.8),
    "western": Manners(0.3, 0.4, 0.2),
    "eastern": Manners(0.6, 0.8, 0.7),
    "global": Manners(0.5, 0.6, 0.5),
}
"""Chosen by hand for Korean and western; the others of this world lie between."""

_DISTANCES: Mapping[frozenset[Culture], float] = {
    frozenset({"korean", "western"}): 1.0,
    frozenset({"korean", "eastern"}): 0.3,
    frozenset({"korean", "global"}): 0.6,
    frozenset({"western", "eastern"}): 0.8,
    frozenset({"western", "global"}): 0.4,
    frozenset({"eastern", "global"}): 0.5,
}

_FREQUENCIES: Mapping[str, Mapping[Culture, float]] = {
    "en": {"korean": 0.1, "western": 0.55, "eastern": 0.1, "global": 0.25},
    "ko": {"korean": 0.6, "western": 0.1, "eastern": 0.15, "global": 0.15},
}
"""By the language of the record."""


@attrs.frozen
class Member:
    """One of the company."""

    person: Person
    closeness: float
    """To the self, 0..1; of the self to the first other."""
    culture: Culture
    status: float
    """Standing in the village, 0..1."""
    influence: float
    """How much others go by this person, 0..1."""
    expressiveness: float
    """How much of a feeling shows, 0..1, before manners."""
    optimism: float
    """-1..1, seen in valence."""
    poise: float
    """-1..1, seen in dominance and certainty."""
    curiosity: float
    """-1..1, seen in anticipation."""


@attrs.frozen
class Company:
    """The actor, who is the self, and the others, the most concerned first."""

    actor: Member
    others: tuple[Member, ...]
    """One to five."""


def gather(rng: random.Random, language: str, situation: Situation) -> Company:
    """The two of the situation and up to four of the crowd, or up to two onlookers where it touches no crowd."""
    pair = situation.pair
    one, other = (member_of(rng, person, pair.closeness, language) for person in (pair.agent, pair.other))
    size = min(situation.crowd, 1 + int(4 * rng.random())) if situation.crowd else int(3 * rng.random())
    crowd = [member_of(rng, anybody(rng), CLOSENESS[pick_weighted(rng, FREQUENCY)], language) for _ in range(size)]
    return Company(one, (other, *crowd))


def distance(one: Culture, other: Culture) -> float:
    """Between two cultures, 0..1."""
    return 0.0 if one == other else _DISTANCES[frozenset({one, other})]


def similarity(situation: Situation, one: Person, other: Person) -> float:
    """Of two persons in this matter, 0..1: by care, conscience, haste and the need that it touches."""
    need = MATTERS[situation.matter].need
    gaps = (
        abs(one.care - other.care),
        abs(one.conscience - other.conscience),
        abs(one.haste - other.haste) / 0.55,
        abs(one.needs[need] - other.needs[need]),
    )
    return 1.0 - sum(gaps) / len(gaps)


def member_of(rng: random.Random, person: Person, closeness: float, language: str) -> Member:
    """A person with a character, and a culture by the language of the record."""
    status = rng.random()
    return Member(
        person=person,
        closeness=closeness,
        culture=pick_weighted(rng, _FREQUENCIES[language]),
        status=status,
        influence=0.5 * status + 0.5 * rng.random(),
        expressiveness=rng.random(),
        optimism=between(rng, -1.0, 1.0),
        poise=between(rng, -1.0, 1.0),
        curiosity=between(rng, -1.0, 1.0),
    )
