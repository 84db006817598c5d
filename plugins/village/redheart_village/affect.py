"""Affect: how an appraisal feels in the six-dimensional space, and how it moves somebody."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from redheart_core import AFFECT
from redheart_village.appraisal import Appraisal
from redheart_village.company import Member
from redheart_village.streams import normals

Affect = tuple[float, ...]
"""Six numbers, each -1..1, in the order of AFFECT."""


def rest(member: Member) -> Affect:
    """The affect that a person returns to: character."""
    return (
        0.5 * member.optimism,
        1.4 * (member.person.haste - 0.325),
        0.4 * member.poise,
        0.3 * member.poise + 0.2 - 0.6 * member.person.haste,
        -0.3,
        0.4 * member.curiosity,
    )


def felt(a: Appraisal, member: Member, sympathy: float) -> Affect:
    """How the event feels to the person.

    Args:
        a: The person's view of the event.
        member: The person.
        sympathy: -1..1, the expected own score of the one whose fate the person shares, times care and closeness.
    """
    open_end = 1.0 - a.certainty
    good, size = a.gain - a.loss, a.gain + a.loss
    duty = 0.5 + 0.5 * a.closeness if a.by_other else member.person.conscience
    drives = (
        1.5 * good + 0.5 * a.norm * duty + 0.6 * sympathy + 0.2 * member.optimism,
        1.2 * size + 0.8 * a.unexpected + 0.8 * open_end + 0.4 * abs(a.norm) - 0.6,
        0.8 * good + 0.25 - 0.5 * a.by_other - 0.6 * a.blame * a.loss - 0.4 * open_end + 0.3 * member.poise,
        1.6 * a.certainty - 0.9 + 0.3 * member.poise,
        1.8 * a.unexpected - 0.5,
        1.2 * open_end + 0.5 * good - 0.3 + 0.4 * member.curiosity,
    )
    return tuple(math.tanh(drive) for drive in drives)


def impact(a: Appraisal) -> float:
    """How far the event takes somebody from what was before towards what it feels like, 0.25..0.9."""
    return 0.25 + 0.65 * -math.expm1(-1.5 * (a.gain + a.loss + 0.5 * abs(a.norm) + 0.4 * a.unexpected))


def moved(before: Affect, feeling: Affect, share: float) -> Affect:
    """The part of the way from one affect to another."""
    return tuple(old + share * (new - old) for old, new in zip(before, feeling, strict=True))


def shaken(affect: Sequence[float], spread: float, rng: random.Random) -> Affect:
    """The affect with normal noise, kept within -1..1."""
    noise = normals(rng, len(affect))
    return tuple(min(max(value + spread * one, -1.0), 1.0) for value, one in zip(affect, noise, strict=True))


def named(affect: Affect, digits: int) -> dict[str, float]:
    """The affect by label, rounded."""
    return {label: round(value, digits) for label, value in zip(AFFECT, affect, strict=True)}
