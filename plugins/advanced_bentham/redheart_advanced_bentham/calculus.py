"""The hedonic calculus on tensors: exact, and differentiable in every argument (Bentham 1789)."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor
from torch.nn import functional as F

EXTERNAL_COST_WEIGHT = 0.125
REDISTRIBUTION_WEIGHT = 0.0625
SELF_DAMAGE_WEIGHT = 0.0625
"""k_e, k_r and k_d. Their sum is at most 1, so that no burden turns more pleasure into less value."""
LOWEST_LAYER, HIGHEST_LAYER = 0.3, 2.5

CIRCUMSTANCES = ("intensity", "duration", "certainty", "propinquity", "fecundity", "purity", "extent")
BURDENS = ("external_cost", "redistribution", "self_damage")
LAYERS = ("cultural", "temporal", "social", "personal", "moral", "situational")


@attrs.frozen
class Units:
    """How numbers in 0..1 are days and persons, and what a hedon is worth."""

    days_scale: float = 30.0
    """D0: days of which the duration is 1 - 1/e."""
    rho: float = 0.02
    """Discount per day; a propinquity is exp(-rho delay)."""
    most_persons: float = 100.0
    """N0: persons of whom the extent is 1."""
    half_value: float = 15.0
    """V0: hedons that score one half."""
    hyperbolic_rate: float = 0.0
    """k per day of hyperbolic discounting; 0 discounts exponentially by rho."""
    spread_days: float = 0.0
    """How gradually a lot begins, in days around its delay; 0 at once."""


@attrs.frozen(eq=False)
class Lot:
    """Pleasures or pains in physical units; tensors that broadcast against each other."""

    intensity: Tensor
    """Hedons per day, 0..1."""
    days: Tensor
    """Duration, >= 0."""
    certainty: Tensor
    """Probability, 0..1."""
    delay_days: Tensor
    """Days until it begins, >= 0."""
    fecundity: Tensor
    """Probability that a sensation of the same kind follows, 0..1."""
    purity: Tensor
    """Probability that none of the opposite kind follows, 0..1."""
    persons: Tensor
    """How many feel it, >= 0."""


def exponential_duration(days: Tensor, delay_days: Tensor, rho: float) -> Tensor:
    """K = integral of exp(-rho x) over delay..delay + days, in days; rho >= 0 per day."""
    if rho == 0.0:
        return days + torch.zeros_like(delay_days)
    return torch.exp(-rho * delay_days) * -torch.expm1(-rho * days) / rho


def hyperbolic_duration(days: Tensor, delay_days: Tensor, rate: float) -> Tensor:
    """K = ln((1 + k (delay + days)) / (1 + k delay)) / k, in days; k > 0 per day."""
    return torch.log1p(rate * days / (1.0 + rate * delay_days)) / rate


def duration_integral(days: Tensor, delay_days: Tensor, units: Units) -> Tensor:
    """K by the discount of the units, in days."""
    if units.hyperbolic_rate > 0.0:
        return hyperbolic_duration(days, delay_days, units.hyperbolic_rate)
    return exponential_duration(days, delay_days, units.rho)


def size_of(lot: Lot, units: Units) -> Tensor:
    """w I C K M in hedons, M = fecundity + purity: the turnover of a lot, its value but for the sign."""
    chain = lot.fecundity + lot.purity
    integral = duration_integral(lot.days, lot.delay_days, units)
    return lot.persons * lot.intensity * lot.certainty * integral * chain


def until(lot: Lot, horizon_days: Tensor, spread_days: float = 0.0) -> Lot:
    """What of a lot lies before a horizon: its duration cut there, 0 days if it begins later.

    With a spread the days before the horizon are spread softplus((horizon - delay) / spread): a lot whose delay is
    not certain has a little of itself before it, and every horizon a gradient.
    """
    before = horizon_days - lot.delay_days
    before = F.softplus(before / spread_days) * spread_days if spread_days > 0.0 else before.clamp(min=0.0)
    return attrs.evolve(lot, days=torch.minimum(lot.days, before))


def with_burdens(
    net: Tensor, gross: Tensor, external_cost: Tensor, redistribution: Tensor, self_damage: Tensor
) -> Tensor:
    """V10 = H + G (k_r r - k_e e - k_d d) in hedons; e, r and d lie in -1..1."""
    share = (
        REDISTRIBUTION_WEIGHT * redistribution - EXTERNAL_COST_WEIGHT * external_cost - SELF_DAMAGE_WEIGHT * self_damage
    )
    return net + gross * share


def context_factor(layers: Tensor, counted: Sequence[int] | None = None) -> Tensor:
    """M_ctx: geometric mean of the six layers, clipped to 0.3..2.5: (..., 6) to (...).

    Args:
        layers: In the order of LAYERS; with counted fewer may come.
        counted: Places of the layers that count; all others are 1, so their logarithm is 0. All if None.
    """
    chosen = layers if counted is None else layers[..., list(counted)]
    return torch.exp(chosen.clamp(LOWEST_LAYER, HIGHEST_LAYER).log().sum(-1) / len(LAYERS))


def bounded_score(value: Tensor, half: float) -> Tensor:
    """V / (V0 + |V|), in -1..1."""
    return value / (half + value.abs())


def persons_from_unit(share: Tensor, most: float) -> Tensor:
    """w = (1 + N0)^x - 1 persons; x = 0 is nobody, 1 is N0."""
    return torch.expm1(share * torch.log1p(share.new_tensor(most)))


def lot_from_logits(logits: Tensor, extent: Tensor, units: Units) -> Lot:
    """The sigmoids of six logits (..., 6) and an extent in 0..1 to physical units, without overflow at either end.

    In the order of CIRCUMSTANCES. Days are -D0 ln(1 - d), the delay is -ln(p) / rho; -ln(1 - sigmoid(z)) is
    softplus(z), and -ln(sigmoid(z)) is softplus(-z).
    """
    intensity, duration, certainty, propinquity, fecundity, purity = logits.unbind(-1)
    return Lot(
        intensity.sigmoid(),
        units.days_scale * F.softplus(duration),
        certainty.sigmoid(),
        F.softplus(-propinquity) / units.rho,
        fecundity.sigmoid(),
        purity.sigmoid(),
        persons_from_unit(extent, units.most_persons),
    )
