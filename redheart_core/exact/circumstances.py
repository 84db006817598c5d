"""Circumstances of pleasure and pain in 0..1 (Bentham 1789, ch. IV) as quantities of the hedonic calculus."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.hedonic import chain_factor
from redheart_core.exact.numbers import FloatArray, axes, within

CIRCUMSTANCES = ("intensity", "duration", "certainty", "propinquity", "fecundity", "purity", "extent")


IN_CONTEXT = ("utility_in_context", "utility_horizons")
"""Utilities in which all layers of context count; a data set may count some of them in the utility itself."""


@attrs.frozen
class Units:
    """How numbers in 0..1 are days and persons, and what a hedon is worth."""

    days_scale: float = 30.0
    """D0: a duration d is the days -D0 ln(1 - d)."""
    rho: float = 0.02
    """Discount per day, > 0; a propinquity p is the delay -ln(p) / rho in days."""
    most_persons: float = 100.0
    """N0: an extent x is the persons (1 + N0)^x - 1."""
    half: float = 15.0
    """V0: hedons that score one half."""


_FOREVER = 1e12
"""Days that stand for no horizon: the discount leaves nothing after them."""
UNITS = Units()
"""Of the fields of the catalogue."""


def quantities(circumstances: npt.ArrayLike, horizon_days: npt.ArrayLike = np.inf, units: Units = UNITS) -> FloatArray:
    """What the calculus makes of each circumstance, (..., 7) with horizons of shape (...) to (..., 7).

    The duration becomes its discounted days (1 - exp(-rho D)) / rho, where only days D before the horizon count; the
    extent becomes persons; all others stay. A propinquity is its own discount, so that no delay has to be infinite.
    """
    values = axes("circumstances", within("circumstances", circumstances, 0.0, 1.0), "7 circumstances")
    horizon = within("horizon_days", np.minimum(horizon_days, _FOREVER), 0.0)
    if values.shape[-1] != len(CIRCUMSTANCES):
        raise DataError(f"circumstances are {', '.join(CIRCUMSTANCES)}; got numbers of shape {values.shape}")
    with np.errstate(divide="ignore"):  # a duration of 1 lasts forever, a propinquity of 0 never begins
        lasts = -units.days_scale * np.log1p(-values[..., 1])
        days = np.minimum(lasts, np.maximum(horizon + np.log(values[..., 3]) / units.rho, 0.0))
    values = np.broadcast_to(values, (*days.shape, len(CIRCUMSTANCES))).copy()
    values[..., 1] = -np.expm1(-units.rho * days) / units.rho
    values[..., 6] = np.expm1(values[..., 6] * np.log1p(units.most_persons))
    return values


def turnover(circumstances: npt.ArrayLike, horizon_days: npt.ArrayLike = np.inf, units: Units = UNITS) -> FloatArray:
    """w I C K M in hedons, (..., 7) with horizons of shape (...) to (...): the size of a lot, whatever its sign.

    With a horizon, of what is felt before it.
    """
    found = quantities(circumstances, horizon_days, units)
    intensity, days, certainty, discount, fecundity, purity, persons = np.moveaxis(found, -1, 0)
    return np.asarray(persons * intensity * certainty * days * discount * chain_factor(fecundity, purity))


def horizon_days(label: str) -> float:
    """The days after which nothing counts in a utility of that label, such as "day_30"; infinite for others."""
    return float(label.removeprefix("day_")) if label.startswith("day_") else np.inf


def unbounded(score: npt.ArrayLike, units: Units = UNITS) -> FloatArray:
    """The value V in hedons of a bounded score V / (V0 + |V|); infinite for -1 and 1."""
    given = within("score", score, -1.0, 1.0)
    with np.errstate(divide="ignore"):
        return np.asarray(units.half * given / (1.0 - np.abs(given)))
