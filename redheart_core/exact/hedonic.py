"""The hedonic calculus (Bentham 1789): circumstances of pleasures and pains, burdens, and layers of context."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, batch, distribution, finite, positive, real, within

BURDENS = ("external_cost", "redistribution", "self_damage")
CONTEXT_LAYERS = ("cultural", "temporal", "social", "personal", "moral", "situational")
LAYER_RANGE = (0.3, 2.5)
"""To this range each context layer is clipped."""
EXTERNAL_COST_WEIGHT = 0.125
REDISTRIBUTION_WEIGHT = 0.0625
SELF_DAMAGE_WEIGHT = 0.0625


def _numbers(values: npt.ArrayLike) -> FloatArray:
    return real("the circumstances of a lot", values)


@attrs.frozen(eq=False)
class Lots:
    """Pleasures and pains: plain numbers for one, arrays of equal or broadcastable shape for many."""

    sign: FloatArray = attrs.field(converter=_numbers)
    """+1 pleasure, -1 pain."""
    intensity: FloatArray = attrs.field(converter=_numbers)
    """Hedons per day, 0..1."""
    days: FloatArray = attrs.field(converter=_numbers)
    """Duration, >= 0."""
    certainty: FloatArray = attrs.field(default=1.0, converter=_numbers)
    """Probability, 0..1."""
    delay_days: FloatArray = attrs.field(default=0.0, converter=_numbers)
    """Propinquity: days until it begins, >= 0."""
    fecundity: FloatArray = attrs.field(default=0.0, converter=_numbers)
    """Probability that a sensation of the same kind follows, 0..1."""
    purity: FloatArray = attrs.field(default=1.0, converter=_numbers)
    """Probability that none of the opposite kind follows, 0..1."""
    persons: FloatArray = attrs.field(default=1.0, converter=_numbers)
    """Extent: how many feel it, or their weight, >= 0."""

    def __attrs_post_init__(self) -> None:
        for name in ("intensity", "certainty", "fecundity", "purity"):
            within(name, getattr(self, name), 0.0, 1.0)
        for name in ("days", "delay_days", "persons"):
            within(name, getattr(self, name), 0.0)
        wrong = np.abs(finite("sign", self.sign)) != 1.0
        if wrong.any():
            raise DataError(f"sign must be +1 (pleasure) or -1 (pain), got {self.sign[wrong].flat[0]:g}; set either")
        _ = self.shape

    @property
    def shape(self) -> tuple[int, ...]:
        """The common shape of all circumstances; () for one lot."""
        return batch("the circumstances of lots", *(getattr(self, field.name).shape for field in attrs.fields(Lots)))


def exponential_duration(days: npt.ArrayLike, delay_days: npt.ArrayLike, rho: npt.ArrayLike) -> FloatArray:
    """K = integral of exp(-rho x) over delay..delay + days, in days; rho >= 0 per day (Samuelson 1937).

    rho = 0 gives K = days.
    """
    lasts, rate = within("days", days, 0.0), within("rho", rho, 0.0)
    return np.asarray(np.exp(-rate * within("delay_days", delay_days, 0.0)) * lasts * special.exprel(-rate * lasts))


def hyperbolic_duration(days: npt.ArrayLike, delay_days: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray:
    """K = ln((1 + k (delay + days)) / (1 + k delay)) / k, in days; k >= 0 per day (Mazur 1987).

    k = 0 gives K = days.
    """
    lasts, rate = within("days", days, 0.0), within("k", k, 0.0)
    scaled = lasts / (1.0 + rate * within("delay_days", delay_days, 0.0))
    growth = rate * scaled
    # ln(1 + y) / y with its limit 1 at y = 0
    return np.asarray(scaled) * np.divide(np.log1p(growth), growth, out=np.ones_like(growth), where=growth > 0)


def chain_factor(
    fecundity: npt.ArrayLike, purity: npt.ArrayLike, same: npt.ArrayLike = 1.0, opposite: npt.ArrayLike = 1.0
) -> FloatArray:
    """M = 1 + a f - b (1 - u) >= 0: what follows of the same and of the opposite kind; 1 is neutral.

    Args:
        fecundity: f, probability of a sensation of the same kind afterwards, 0..1.
        purity: u, probability of none of the opposite kind, 0..1.
        same: a >= 0, weight of what follows of the same kind.
        opposite: b in 0..1, weight of what follows of the opposite kind.
    """
    follows = within("same", same, 0.0) * within("fecundity", fecundity, 0.0, 1.0)
    reversal = within("opposite", opposite, 0.0, 1.0) * (1.0 - within("purity", purity, 0.0, 1.0))
    # (1 - reversal) first: it is exactly 0 for an impure lot and keeps f + u = f there
    return (1.0 - reversal) + follows


def lot_value(
    lots: Lots,
    rate: npt.ArrayLike = 0.0,
    *,
    hyperbolic: bool = False,
    same: npt.ArrayLike = 1.0,
    opposite: npt.ArrayLike = 1.0,
) -> FloatArray:
    """One person's value of each lot in hedons: s I C K(D, tau) M(f, u).

    Args:
        lots: Of any shape; `persons` is not used.
        rate: Discount per day, >= 0; rho, or k where hyperbolic.
        hyperbolic: Which K.
        same: a of M.
        opposite: b of M.
    """
    discounted = hyperbolic_duration if hyperbolic else exponential_duration
    _ = batch("lots and rate", lots.shape, np.shape(rate))
    worth = discounted(lots.days, lots.delay_days, rate) * chain_factor(lots.fecundity, lots.purity, same, opposite)
    return np.asarray(lots.sign * lots.intensity * lots.certainty * worth)


def net_and_gross(
    lots: Lots,
    rate: npt.ArrayLike = 0.0,
    *,
    hyperbolic: bool = False,
    same: npt.ArrayLike = 1.0,
    opposite: npt.ArrayLike = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """H and G in hedons: the sum of all values over persons and the last axis of lots, and of their sizes, G >= |H|.

    A single lot (shape ()) is its own sum. No lots at all are worth 0.
    """
    values = lots.persons * lot_value(lots, rate, hyperbolic=hyperbolic, same=same, opposite=opposite)
    values = np.atleast_1d(np.broadcast_to(values, batch("lots and rate", values.shape, lots.shape)))
    return np.asarray(values.sum(-1)), np.asarray(np.abs(values).sum(-1))


def with_side_effects(
    net: npt.ArrayLike,
    gross: npt.ArrayLike,
    external_cost: npt.ArrayLike,
    redistribution: npt.ArrayLike,
    self_damage: npt.ArrayLike,
    weights: tuple[float, float, float] = (EXTERNAL_COST_WEIGHT, REDISTRIBUTION_WEIGHT, SELF_DAMAGE_WEIGHT),
) -> FloatArray:
    """V10 = H + G (k_r r - k_e e - k_d d) in hedons.

    Args:
        net: H.
        gross: G >= 0.
        external_cost: e in -1..1, above 0 where others bear costs.
        redistribution: r in -1..1, above 0 where it favours the worse off.
        self_damage: d in -1..1, above 0 where it harms oneself.
        weights: k_e, k_r, k_d in the order of the burdens, each >= 0, sum at most 1.
    """
    of_cost, of_redistribution, of_damage = within("weights of the burdens", weights, 0.0, 1.0)
    if of_cost + of_redistribution + of_damage > 1.0 + 1e-12:
        raise DataError(f"the weights of the burdens must sum to at most 1, got {sum(weights):g}; scale them down")
    h, g = finite("net", net), within("gross", gross, 0.0)
    cost, gain, damage = (
        within(name, values, -1.0, 1.0)
        for name, values in zip(BURDENS, (external_cost, redistribution, self_damage), strict=True)
    )
    _ = batch("net, gross and the burdens", h.shape, g.shape, cost.shape, gain.shape, damage.shape)
    return np.asarray(h + g * (of_redistribution * gain - of_cost * cost - of_damage * damage))


def context_factor(layers: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """M_ctx = exp(sum of omega ln m), in 0.3..2.5: weighted geometric mean of the layers clipped to that range.

    Args:
        layers: (..., 6) in the order of CONTEXT_LAYERS, any finite numbers.
        weights: (..., 6) omega >= 0 with sum 1; equal without.

    Returns:
        (...,).
    """
    values = axes("context layers", finite("context layers", layers), "6 layers")
    if values.shape[-1] != len(CONTEXT_LAYERS):
        raise DataError(f"context layers need 6 numbers ({', '.join(CONTEXT_LAYERS)}), got the shape {values.shape}")
    size = len(CONTEXT_LAYERS)
    shares = np.full(size, 1.0 / size) if weights is None else distribution("layer weights", weights, size)
    _ = batch("context layers and their weights", values.shape, shares.shape)
    return np.asarray(np.exp((shares * np.log(np.clip(values, *LAYER_RANGE))).sum(-1)))


def bounded_score(value: npt.ArrayLike, half: npt.ArrayLike) -> FloatArray:
    """V / (V0 + |V|), in -1..1; half is V0 > 0, the size in hedons that scores one half."""
    worth = finite("value", value)
    return np.asarray(worth / (positive("half", half) + np.abs(worth)))
