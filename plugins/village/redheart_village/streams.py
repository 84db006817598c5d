"""Seeded random streams, one for each part of each record.

Only random() of the standard generator is used, whose sequence Python promises to keep.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, language: str, index: int, part: str) -> random.Random:
    """The stream of one part of one record, independent of all others.

    A new part gets a new name, so that the numbers of the old ones stay.
    """
    digest = hashlib.sha256(f"village/{seed}/{language}/{index}/{part}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def between(rng: random.Random, low: float, high: float) -> float:
    """Uniform in low..high."""
    return low + (high - low) * rng.random()


def chance(rng: random.Random, probability: float) -> bool:
    """True with that probability."""
    return rng.random() < probability


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """One item, each equally likely."""
    return items[int(rng.random() * len(items))]


def pick_weighted(rng: random.Random, weights: Mapping[T, float]) -> T:
    """One key, with probability in proportion to its weight."""
    point = rng.random() * math.fsum(weights.values())
    for key, weight in weights.items():
        point -= weight
        if point < 0.0:
            return key
    return list(weights)[-1]


def normals(rng: random.Random, count: int) -> list[float]:
    """An even number of standard normal numbers, by Box and Muller."""
    numbers = []
    for _ in range(count // 2):
        radius, angle = math.sqrt(-2.0 * math.log(1.0 - rng.random())), 2.0 * math.pi * rng.random()
        numbers += [radius * math.cos(angle), radius * math.sin(angle)]
    return numbers


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """All items in a random order."""
    rest = list(items)
    return [rest.pop(int(rng.random() * len(rest))) for _ in items]


def gumbel(rng: random.Random) -> float:
    """Standard Gumbel noise: added to scores, the largest one is a softmax choice."""
    return -math.log(-math.log(between(rng, 1e-12, 1.0 - 1e-12)))
