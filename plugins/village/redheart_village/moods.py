"""The mood log: two coupled persons day by day, and the exact transfer entropy between them."""

from __future__ import annotations

import functools
import math
import random

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_village.company import Company
from redheart_village.people import Pair

DAYS = 64
COUPLING = 0.5
"""How much of a mood passes on from day to day to somebody as close and caring as can be."""
GRUDGE = -0.2
"""The same between rivals."""

Matrix = NDArray[np.float64]


@attrs.frozen(eq=False)
class Bond:
    """x' = A x + e of the moods (agent, other), with independent normal noise e."""

    transition: Matrix
    """(2, 2), stable: row by column is what the column's mood does to the row's next one."""
    spread: tuple[float, float]
    """Standard deviations of the noise."""

    @functools.cached_property
    def stationary(self) -> Matrix:
        """(2, 2) covariance of the moods in the long run: S = A S A' + Q."""
        (a, b), (c, d) = self.transition.tolist()
        one, other = self.spread
        # its three different entries solve a linear system
        system = [
            [1.0 - a * a, -2.0 * a * b, -b * b],
            [-a * c, 1.0 - a * d - b * c, -b * d],
            [-c * c, -2.0 * c * d, 1.0 - d * d],
        ]
        saa, sab, sbb = np.linalg.solve(system, [one * one, 0.0, other * other]).tolist()
        return np.array([[saa, sab], [sab, sbb]])


def bond_of(pair: Pair, company: Company) -> Bond:
    """Cool heads keep their mood longer, those who care catch more, the expressive vary more."""

    def caught(care: float) -> float:
        return GRUDGE if pair.relation == "rival" else COUPLING * pair.closeness * care

    return Bond(
        np.array(
            [
                [_kept(pair.agent.haste), caught(pair.agent.care)],
                [caught(pair.other.care), _kept(pair.other.haste)],
            ]
        ),
        (0.5 + company.actor.expressiveness, 0.5 + company.others[0].expressiveness),
    )


def _kept(haste: float) -> float:
    return 0.45 - 0.5 * haste


def log_of(bond: Bond, rng: random.Random) -> Matrix:
    """(DAYS, 2) moods of agent and other day by day, from the first in the long run's distribution."""
    (saa, sab), (_, sbb) = bond.stationary.tolist()
    (kept_a, to_a), (to_b, kept_b) = bond.transition.tolist()
    noise_a, noise_b = bond.spread
    (start, second), *later = _normals(rng)
    a = math.sqrt(saa) * start
    b = sab / math.sqrt(saa) * start + math.sqrt(sbb - sab * sab / saa) * second
    days = [(a, b)]
    for one, other in later:
        a, b = kept_a * a + to_a * b + noise_a * one, to_b * a + kept_b * b + noise_b * other
        days.append((a, b))
    return np.array(days)


def _normals(rng: random.Random) -> list[list[float]]:
    """DAYS pairs of standard normal numbers, by Box and Muller."""
    uniform = np.array([rng.random() for _ in range(2 * DAYS)])
    radius, angle = np.sqrt(-2.0 * np.log(1.0 - uniform[:DAYS])), 2.0 * np.pi * uniform[DAYS:]
    pairs: list[list[float]] = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).tolist()
    return pairs


def transfer(bond: Bond) -> dict[str, float]:
    """TE = 0.5 ln(var(y' | y) / var(y' | x, y)) in nats, one day back, from the covariance of the long run."""
    s = bond.stationary
    lagged = bond.transition @ s
    alone = [s[row, row] - lagged[row, row] ** 2 / s[row, row] for row in (0, 1)]
    to_agent, to_other = (max(0.5 * math.log(alone[row] / bond.spread[row] ** 2), 0.0) for row in (0, 1))
    return {"agent_to_other": to_other, "other_to_agent": to_agent}
