"""Persons of the village: their needs, character and relations."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal

import attrs

from redheart_village.streams import between, chance, pick, pick_weighted

Gender = Literal["female", "male"]
Relation = Literal["child", "spouse", "friend", "cousin", "neighbour", "stranger", "rival"]
Need = Literal["food", "health", "money", "safety", "esteem", "belonging", "shelter", "company"]

NEEDS: tuple[Need, ...] = ("food", "health", "money", "safety", "esteem", "belonging", "shelter", "company")

CLOSENESS: Mapping[Relation, float] = {
    "child": 1.0,
    "spouse": 1.0,
    "friend": 0.8,
    "cousin": 0.6,
    "neighbour": 0.5,
    "stranger": 0.1,
    "rival": 0.0,
}
"""How much the two are to each other, 0..1."""

FREQUENCY: Mapping[Relation, float] = {
    "child": 1.0,
    "spouse": 1.0,
    "friend": 2.0,
    "cousin": 1.0,
    "neighbour": 2.0,
    "stranger": 1.0,
    "rival": 1.5,
}
"""How often two people stand so to each other, in proportion."""


@attrs.frozen
class Person:
    """One villager."""

    gender: Gender
    needs: Mapping[Need, float]
    """Urgency of each need, 0 met .. 1 pressing."""
    care: float
    """Weight of another's good against one's own, 0..1, before closeness."""
    conscience: float
    """Weight of norms in choosing, 0..1."""
    haste: float
    """Spread of the noise in choosing; near 0 is a cool head."""


@attrs.frozen
class Pair:
    """The one who acts and the one who is concerned most."""

    agent: Person
    other: Person
    relation: Relation
    """What the other is to the agent."""
    promise: bool
    """The agent has promised to stand by the other in this matter."""

    @property
    def closeness(self) -> float:
        return CLOSENESS[self.relation]


def meet(rng: random.Random) -> Pair:
    """Two persons with their relation."""
    relation = pick_weighted(rng, FREQUENCY)
    return Pair(agent=anybody(rng), other=anybody(rng), relation=relation, promise=chance(rng, 0.3))


def anybody(rng: random.Random) -> Person:
    """A villager."""
    return Person(
        gender=pick(rng, ("female", "male")),
        needs={need: rng.random() for need in NEEDS},
        care=rng.random(),
        conscience=rng.random(),
        haste=between(rng, 0.05, 0.6),
    )
