"""Regret of one act against those that were not chosen (Savage 1951; Bell 1982).

Payoffs are a list of acts, each with one number per state; probabilities are one number per state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Payoffs = Sequence[Sequence[float]]


def regret_matrix(payoffs: Payoffs) -> list[list[float]]:
    """r(a, s) = max_b u(b, s) - u(a, s), >= 0, with a 0 in every state."""
    best = [max(column) for column in zip(*payoffs, strict=True)]
    return [[top - value for top, value in zip(best, row, strict=True)] for row in payoffs]


def expected(row: Sequence[float], probabilities: Sequence[float]) -> float:
    """Sum over states of p(s) x(s)."""
    return math.fsum(p * value for p, value in zip(probabilities, row, strict=True))


def expected_regret(payoffs: Payoffs, probabilities: Sequence[float], act: int) -> float:
    """ER(a) = sum over states of p(s) r(a, s)."""
    return expected(regret_matrix(payoffs)[act], probabilities)


def margin(values: Sequence[float]) -> float:
    """The best value less the second best, >= 0; needs two."""
    best, second = sorted(values, reverse=True)[:2]
    return best - second


def entropy_bits(probabilities: Sequence[float]) -> float:
    """-sum p log2 p, 0 for a sure thing."""
    return -math.fsum(p * math.log2(p) for p in probabilities if p > 0.0) + 0.0
