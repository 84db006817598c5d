"""Systems of which the exact decomposition is known, by short names."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Pmf = NDArray[np.float64]
Series = NDArray[np.float64]
Outcome = tuple[float, Hashable, Sequence[Hashable]]
"""Probability, state of the target, states of the sources."""


STEPS, DROPPED = 100_000, 1_000


def joint(outcomes: Iterable[Outcome]) -> Pmf:
    """The distribution as an array with the target on axis 0."""
    rows = [(p, (target, *sources)) for p, target, sources in outcomes]
    codes: list[dict[Hashable, int]] = [{} for _ in rows[0][1]]
    for _, states in rows:
        for code, state in zip(codes, states, strict=True):
            code.setdefault(state, len(code))
    pmf = np.zeros([len(code) for code in codes])
    for p, states in rows:
        pmf[tuple(code[state] for code, state in zip(codes, states, strict=True))] += p
    return pmf


def bits(n: int, target: Callable[..., Hashable], probability_of_one: float = 0.5) -> Pmf:
    """A target that is a function of n independent bits."""
    weight = (1 - probability_of_one, probability_of_one)
    return joint((float(np.prod([weight[bit] for bit in q])), target(*q), q) for q in product((0, 1), repeat=n))


def with_noise(n: int, target: Callable[..., int], flip: float) -> Pmf:
    """A binary function of n fair bits, flipped with some probability."""
    return joint(
        (p / 2**n, target(*q) ^ flipped, q)
        for q in product((0, 1), repeat=n)
        for flipped, p in ((0, 1 - flip), (1, flip))
    )


def third_is_xor(target: Callable[..., Hashable]) -> Pmf:
    """A function of two fair bits and their parity as the third source."""
    return joint((0.25, target(a, b, a ^ b), (a, b, a ^ b)) for a, b in product((0, 1), repeat=2))


def redundant_and_synergistic() -> Pmf:
    """Both sources hold r, and each one half of a parity."""
    return joint((0.125, (r, a ^ b), ((r, a), (r, b))) for r, a, b in product((0, 1), repeat=3))


def noisy_duplicate() -> Pmf:
    """The target is source 1, and source 2 a copy of it flipped with probability 0.1."""
    return joint((p / 2, a, (a, a ^ f)) for a in (0, 1) for f, p in ((0, 0.9), (1, 0.1)))


def unseen_choice() -> Pmf:
    """The target is one of two fair bits, chosen by a coin that is no source."""
    return joint((0.125, (a, b)[coin], (a, b)) for a, b, coin in product((0, 1), repeat=3))


SYSTEMS: dict[str, Pmf] = {
    "S1": joint((0.5, a, (a, a)) for a in (0, 1)),
    "S2": bits(2, lambda a, b: a),
    "S3": bits(2, lambda a, b: a ^ b),
    "S4": bits(2, lambda a, b: a & b),
    "S5": bits(2, lambda a, b: a | b),
    "S6": bits(2, lambda a, b: (a, b)),
    "S7": bits(2, lambda a, b: a + b),
    "S8": with_noise(2, lambda a, b: a, 0.1),
    "S9": noisy_duplicate(),
    "S10": unseen_choice(),
    "S11": with_noise(2, lambda a, b: a ^ b, 0.1),
    "S12": redundant_and_synergistic(),
    "S13": bits(2, lambda a, b: (a, a & b)),
    "S14": bits(2, lambda a, b: a & b, 0.75),
    "S15": joint((1 / 9, max(a, b), (a, b)) for a, b in product(range(3), repeat=2)),
    "S16": bits(4, lambda a, b, c, d: a),
    "S17": bits(3, lambda a, b, c: a ^ b ^ c),
    "S18": bits(3, lambda a, b, c: a ^ b),
    "S19": joint((0.25, a, (a, a, b)) for a, b in product((0, 1), repeat=2)),
    "S20": joint((0.5, a, (a, a, a)) for a in (0, 1)),
    "S21": bits(3, lambda a, b, c: a + b + c >= 2),
    "S22": bits(3, lambda a, b, c: a & b & c),
    "S23": bits(3, lambda a, b, c: (a, b, c)),
    "S24": third_is_xor(lambda a, b, c: (a, b)),
    "S25": bits(5, lambda a, b, c, d, e: a ^ b ^ c ^ d ^ e),
    "P8": third_is_xor(lambda a, b, c: c),
}


def random_pmf(rng: np.random.Generator, sources: int, *, zeros: float = 0.3) -> Pmf:
    """A distribution of two to four states each, with empty cells."""
    weights = rng.exponential(size=rng.integers(2, 5, size=sources + 1))
    weights[rng.random(weights.shape) < zeros] = 0.0
    weights.flat[rng.integers(weights.size)] = 1.0
    return np.asarray(weights / weights.sum())


def autoregression(factor: float, scale: float, rng: np.random.Generator) -> Series:
    """q' = factor q + scale w from 0, with the first steps still in it."""
    return np.asarray(lfilter([1.0], [1.0, -factor], scale * rng.standard_normal(STEPS + DROPPED + 1)))


def driven(function: Series, scale: float, rng: np.random.Generator) -> Series:
    """q' = function of the others now + scale w."""
    return np.concatenate([[0.0], function[:-1] + scale * rng.standard_normal(len(function) - 1)])


def mediator(rng: np.random.Generator) -> Series:
    """(100001, 3): q3 drives q2, which drives q1."""
    q3 = autoregression(0.5, 0.1, rng)
    q2 = driven(np.cos(q3), 0.01, rng)
    return np.stack([driven(np.sin(q2), 0.001, rng), q2, q3], axis=1)[DROPPED:]


def collider(rng: np.random.Generator) -> Series:
    """(100001, 3): q2 and q3 together drive q1."""
    q3, q2 = autoregression(0.5, 0.1, rng), autoregression(0.5, 0.1, rng)
    return np.stack([driven(np.sin(q2 * q3), 0.001, rng), q2, q3], axis=1)[DROPPED:]


def confounder(rng: np.random.Generator) -> Series:
    """(100001, 3): q3 drives both q1 and q2."""
    q3 = autoregression(0.5, 0.1, rng).tolist()
    noise = (0.01 * rng.standard_normal((len(q3), 2))).tolist()
    rows = [(0.0, 0.0)]
    for third, (w1, w2) in zip(q3[:-1], noise, strict=False):
        first, second = rows[-1]
        rows.append((math.sin(first + third) + w1, math.cos(second - third) + w2))
    return np.column_stack([np.array(rows), q3])[DROPPED:]
