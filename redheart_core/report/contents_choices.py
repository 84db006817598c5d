"""Frozen value types of what was chosen on validation: rates, epochs, and ways to make one model of epochs."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from redheart_core.exact.interval import Interval
from redheart_core.selection.detectors import Detection


@attrs.frozen
class CommonCost:
    """What it costs to share a choice with all groups."""

    apparent: Interval
    """On the records that the choice was made on."""
    corrected: Interval
    """On records that it was not made on."""


@attrs.frozen
class Choice:
    """The epochs that sweetspot names for a group."""

    best: str
    """For people: an epoch, or the average at its end."""
    one_se: int | None
    """None without a standard error, as with one validation record."""
    common: int
    cost: float
    """Relative excess of the validation loss at the common epoch."""
    low: int
    """95 % of the resamples choose a best epoch within low..high."""
    high: int
    detections: Mapping[str, Detection]
    common_cost: CommonCost
    """In the unit of the group's loss."""
    differences: Mapping[str, float | None]
    """Each validation metric at the common epoch less that at the best one."""


@attrs.frozen
class Choices:
    """sweetspot.json."""

    groups: Mapping[str, Choice]
    common_epoch: int
    low: int
    """As of Choice, of the common epoch."""
    high: int
    mean_cost: float
    mean_common_cost: CommonCost
    """Mean over groups of their relative costs."""


@attrs.frozen
class MethodOnGroup:
    """One way to make one model of a group's epochs, on the validation split."""

    method: str
    epochs: str
    """For people."""
    loss: float
    difference: float
    """From the loss of the plain selection."""
    error: float | None
    """Standard error of the difference; None with one record."""
    accepted: bool
    """Better than the plain selection beyond noise."""


@attrs.frozen
class MethodState:
    """rivals.json."""

    groups: Mapping[str, tuple[MethodOnGroup, ...]]
    chosen: Mapping[str, str]
    """Group to the method that validation chooses for it."""
    means: Mapping[str, Interval]
    """Method to its mean relative difference over groups, within one standard error."""
    best_method: str
    """For all groups together."""


@attrs.frozen
class RateState:
    """One learning rate of a group in the sweep."""

    rate: float
    status: str
    reason: str
    loss: float | None
    """Mean over seeds; None if it was not run to the end."""
    difference: float | None
    """From the loss of the chosen rate; None as above."""
    error: float | None
    """Standard error of the difference."""


@attrs.frozen
class GroupRates:
    """What the sweep says of a group."""

    group: str
    status: str
    reason: str
    """Why no rate is chosen."""
    rates: tuple[RateState, ...]
    """Ascending."""
    chosen: float | None
    one_se: float | None
    within_noise: int
    """Rates that are not worse than the chosen one beyond noise, itself among them."""
    edge: str
    """"lower" or "higher" if nothing beyond the chosen rate was tried on that side."""

    @property
    def complete(self) -> tuple[RateState, ...]:
        """The rates that were run to the end."""
        return tuple(one for one in self.rates if one.loss is not None)


@attrs.frozen
class SweepState:
    """sweep.json."""

    groups: tuple[GroupRates, ...]
    epochs: int
    """Of a short run."""
    seeds: int
    short_runs: float
    """Work, counted as short runs of all groups."""
    common: float | None
    """The best rate for all groups."""
    common_reason: str
    """Why there is none."""
    gains: Mapping[str, CommonCost]
    """Group to its loss at the common rate less that at its own."""
