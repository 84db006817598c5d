"""Which learning rate validation records point at, and what is noise between two of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import attrs
import numpy as np

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray

HOPELESS = 2.0
"""Standard errors by which a candidate has to be worse than the best one before it is dropped."""


@attrs.frozen
class Difference:
    """The mean loss of one candidate less that of another, on the same records and seeds."""

    mean: float
    error: float
    """Standard error: over records, and over seeds if there are several, the two added in squares."""

    def beyond(self, errors: float) -> bool:
        """Whether the first candidate is worse by more than so many standard errors."""
        return self.mean > errors * self.error


def difference(losses: FloatArray, other: FloatArray) -> Difference:
    """Compare two candidates record by record and seed by seed.

    With d(s, i) the difference for seed s of S and record i of N, the squared error is var_i(mean_s d) / N +
    var_s(mean_i d) / S, the second term only if S > 1. It counts what seed and record do together twice, so it is
    rather too large than too small. With one seed, nothing is known of what another would do.

    Args:
        losses: (S, N) float64 of the first candidate.
        other: (S, N) of the second one.

    Raises:
        DataError: There are fewer than two records.
    """
    apart = losses - other
    seeds, records = apart.shape
    if records < 2:
        raise DataError(f"rates cannot be compared on {records} validation record; use data with at least 2")
    squared = float(apart.mean(0).var(ddof=1)) / records
    if seeds > 1:
        squared += float(apart.mean(1).var(ddof=1)) / seeds
    return Difference(float(apart.mean()), math.sqrt(squared))


@attrs.frozen
class RateChoice:
    """What the validation records say of some rates."""

    chosen: float
    """The lowest mean loss; the smaller rate of equals. Of agents see redheart_core.agents.sweeping."""
    one_se: float
    """The smallest rate that is not worse than the chosen one by more than a standard error."""
    within_noise: tuple[float, ...]
    """Every such rate, ascending; the chosen one is among them."""
    distinguishable: bool
    """Whether any rate beats any other by more than a standard error; a single one has nothing to beat."""
    differences: Mapping[float, Difference]
    """Each rate against the chosen one."""


def choose_rate(losses: Mapping[float, FloatArray], chosen: float | None = None) -> RateChoice:
    """Choose among the rates that were run to the end.

    The lowest mean over seeds wins, not the smallest rate within noise of it: on few records everything is within
    noise, and the smallest rate would not learn.

    Args:
        losses: Rate to (S, N) float64; the same seeds and records for all.
        chosen: The rate, where another rule has chosen it.

    Raises:
        DataError: There are fewer than two records.
    """
    rates = sorted(losses)
    chosen = lowest(losses) if chosen is None else chosen
    differences = {rate: difference(losses[rate], losses[chosen]) for rate in rates}
    within = tuple(rate for rate in rates if not differences[rate].beyond(1.0))
    apart = any(difference(losses[one], losses[other]).beyond(1.0) for one in rates for other in rates)
    return RateChoice(chosen, within[0], within, apart, differences)


def lowest(losses: Mapping[float, FloatArray]) -> float:
    """The rate of the lowest mean loss; the smaller rate of equals."""
    return min(losses, key=lambda rate: (float(losses[rate].mean()), rate))


def hopeless(losses: Mapping[float, FloatArray], droppable: Collection[float]) -> dict[float, Difference]:
    """The rates of the worse half that are behind the best one by more than noise.

    Args:
        losses: Rate to (S, N) float64 after the same epoch; the better half keeps the odd one.
        droppable: Rates that may be dropped; the others only stand in the comparison.

    Returns:
        Each rate to drop, and how far it is behind the best one.
    """
    ranked = sorted(losses, key=lambda rate: (float(losses[rate].mean()), rate))
    worse = ranked[len(ranked) - len(ranked) // 2 :]
    behind = {rate: difference(losses[rate], losses[ranked[0]]) for rate in worse if rate in droppable}
    return {rate: found for rate, found in behind.items() if found.beyond(HOPELESS)}


def log_spaced(centre: float, factors: Collection[float]) -> tuple[float, ...]:
    """Rates around one, ascending, rounded to three digits."""
    return tuple(sorted(float(f"{centre * factor:.3g}") for factor in factors))


def mean_over_seeds(losses: Mapping[float, FloatArray]) -> tuple[tuple[float, ...], FloatArray]:
    """The rates, ascending, and (R, N) their losses record by record."""
    rates = tuple(sorted(losses))
    return rates, np.stack([losses[rate].mean(0) for rate in rates])
