"""The acts of the village, and their effects on each person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from redheart_village.people import Need

Act = Literal["bold", "safe", "kind", "wrong", "wait"]
Matter = Literal["harvest", "fever", "market", "flood", "exam", "feast", "workshop", "roof", "stray", "stage"]

ACTS: tuple[Act, ...] = ("bold", "safe", "kind", "wrong", "wait")


@attrs.frozen
class Effect:
    """What an act does in one state of luck: -1 worst .. 1 best for each, before need and stakes."""

    agent: float
    other: float
    crowd: float


@attrs.frozen
class ActProfile:
    """One kind of act, the same in every matter."""

    fair: Effect
    foul: Effect
    norm: float
    """-1 breaks a norm .. 1 does more than is owed."""
    fecundity: float
    """Added to the matter's."""
    purity: float
    """Added to the matter's."""
    external_cost: float
    self_damage: float
    transfer: float
    """-1 takes from the other .. 1 gives to the other."""


PROFILES: Mapping[Act, ActProfile] = {
    "bold": ActProfile(
        Effect(1.0, 0.35, 0.3),
        Effect(-0.9, -0.4, -0.3),
        0.0,
        0.15,
        -0.1,
        external_cost=0.1,
        self_damage=0.3,
        transfer=0.0,
    ),
    "safe": ActProfile(
        Effect(0.4, 0.12, 0.1), Effect(0.4, 0.12, 0.1), 0.0, -0.1, 0.1, external_cost=0.0, self_damage=0.0, transfer=0.0
    ),
    "kind": ActProfile(
        Effect(-0.12, 0.85, 0.3),
        Effect(-0.4, 0.6, 0.25),
        0.7,
        0.25,
        0.05,
        external_cost=-0.2,
        self_damage=0.2,
        transfer=1.0,
    ),
    "wrong": ActProfile(
        Effect(0.85, -0.7, -0.35),
        Effect(0.35, -0.9, -0.5),
        -0.8,
        0.1,
        -0.3,
        external_cost=0.8,
        self_damage=0.3,
        transfer=-1.0,
    ),
    "wait": ActProfile(
        Effect(0.15, 0.0, 0.0),
        Effect(-0.65, -0.6, -0.35),
        -0.1,
        -0.15,
        0.0,
        external_cost=0.1,
        self_damage=0.1,
        transfer=0.0,
    ),
}

PROMISE_NORM: Mapping[Act, float] = {"bold": -0.1, "safe": -0.1, "kind": 0.2, "wrong": -0.2, "wait": -0.5}
"""What a promise to the other adds to the norm of an act."""


@attrs.frozen
class MatterProfile:
    """What is at stake in a matter, and how it feels."""

    need: Need
    intensity: float
    """Hedons per day at full need and stakes, 0..1."""
    days: float
    """How long a gain or loss is felt, typical."""
    delay_days: float
    """How long until it is felt, typical."""
    fecundity: float
    purity: float
    crowd: float
    """Probability that more people than the two are touched."""


MATTERS: Mapping[Matter, MatterProfile] = {
    "harvest": MatterProfile("food", 0.65, 60.0, 12.0, 0.35, 0.75, 0.5),
    "fever": MatterProfile("health", 0.95, 12.0, 1.0, 0.25, 0.6, 0.35),
    "market": MatterProfile("money", 0.5, 20.0, 3.0, 0.4, 0.8, 0.3),
    "flood": MatterProfile("safety", 0.9, 35.0, 0.4, 0.25, 0.65, 0.7),
    "exam": MatterProfile("esteem", 0.55, 90.0, 30.0, 0.65, 0.8, 0.15),
    "feast": MatterProfile("belonging", 0.6, 6.0, 0.3, 0.55, 0.5, 0.6),
    "workshop": MatterProfile("money", 0.6, 110.0, 20.0, 0.55, 0.65, 0.3),
    "roof": MatterProfile("shelter", 0.55, 80.0, 40.0, 0.2, 0.8, 0.25),
    "stray": MatterProfile("company", 0.7, 10.0, 0.6, 0.3, 0.85, 0.15),
    "stage": MatterProfile("esteem", 0.75, 4.0, 0.2, 0.5, 0.55, 0.7),
}
