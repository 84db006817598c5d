"""The hedonic calculus: the worth of pleasures and pains (Bentham 1789)."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

import attrs

EXTERNAL_COST_WEIGHT = 0.125
REDISTRIBUTION_WEIGHT = 0.0625
SELF_DAMAGE_WEIGHT = 0.0625
LAYER_RANGE = (0.3, 2.5)


@attrs.frozen
class Lot:
    """One pleasure or pain of one person, or of several who feel the same."""

    sign: int
    """+1 pleasure, -1 pain."""
    intensity: float
    """Hedons per day, 0..1."""
    days: float
    """Duration, >= 0."""
    certainty: float = 1.0
    """Probability, 0..1."""
    delay_days: float = 0.0
    """Propinquity: days until it begins, >= 0."""
    fecundity: float = 0.0
    """Probability that a sensation of the same kind follows, 0..1."""
    purity: float = 1.0
    """Probability that none of the opposite kind follows, 0..1."""
    persons: float = 1.0
    """Extent: how many feel it, >= 0."""


@functools.lru_cache(maxsize=64)  # the lots of one story mostly share when and how long
def exponential_duration(days: float, delay_days: float, rho: float) -> float:
    """K = integral of exp(-rho x) over delay..delay + days, in days; rho >= 0 per day."""
    if rho == 0.0:
        return days
    return math.exp(-rho * delay_days) * -math.expm1(-rho * days) / rho


def hyperbolic_duration(days: float, delay_days: float, k: float) -> float:
    """K = ln((1 + k (delay + days)) / (1 + k delay)) / k, in days; k > 0 per day."""
    return math.log1p(k * days / (1.0 + k * delay_days)) / k


def chain_factor(fecundity: float, purity: float) -> float:
    """M = fecundity + purity: what follows of the same and of the opposite kind; 1 is neutral."""
    return fecundity + purity


def lot_value(lot: Lot, rho: float) -> float:
    """One person's value of a lot in hedons: s I C K M."""
    discounted = exponential_duration(lot.days, lot.delay_days, rho)
    return lot.sign * lot.intensity * lot.certainty * discounted * chain_factor(lot.fecundity, lot.purity)


def net_and_gross(lots: Iterable[Lot], rho: float) -> tuple[float, float]:
    """H and G: the sum of all values over persons, and of their sizes."""
    values = [lot.persons * lot_value(lot, rho) for lot in lots]
    return math.fsum(values), math.fsum(map(abs, values))


def with_side_effects(
    net: float, gross: float, external_cost: float, redistribution: float, self_damage: float
) -> float:
    """V10 = H + G (k_r r - k_e e - k_d d); e, r and d lie in -1..1."""
    share = (
        REDISTRIBUTION_WEIGHT * redistribution - EXTERNAL_COST_WEIGHT * external_cost - SELF_DAMAGE_WEIGHT * self_damage
    )
    return net + gross * share


def context_factor(layers: Sequence[float]) -> float:
    """M_ctx: geometric mean, with equal weights, of the layers clipped to 0.3..2.5."""
    low, high = LAYER_RANGE
    # the logarithm of a neutral layer is 0
    logs = [math.log(min(max(layer, low), high)) for layer in layers if layer != 1.0]
    return math.exp(math.fsum(logs) / len(layers))


def bounded_score(value: float, half: float) -> float:
    """V / (V0 + |V|), in -1..1; half is V0 > 0, the size that scores one half."""
    return value / (half + abs(value))


def days_to_unit(days: float, scale_days: float) -> float:
    """d = 1 - exp(-D / D0), in 0..1."""
    return -math.expm1(-days / scale_days)


def delay_to_unit(delay_days: float, rho: float) -> float:
    """p = exp(-rho tau), in 0..1: 1 is now."""
    return math.exp(-rho * delay_days)


def persons_from_unit(share: float, most: float) -> float:
    """w = (1 + N0)^x - 1 persons; x = 0 is nobody, 1 is N0."""
    return math.expm1(share * math.log1p(most))


def persons_to_unit(persons: float, most: float) -> float:
    """x = ln(1 + w) / ln(1 + N0), in 0..1 for at most N0 persons."""
    return math.log1p(persons) / math.log1p(most)
