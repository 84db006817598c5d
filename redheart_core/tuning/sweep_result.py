"""What a sweep has found: each group's rates and choice, what one rate for all would cost, and the work it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np

from redheart_core.config.tables import TrainSettings
from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.selection.common_epoch import Cost, common_choice, common_costs, relative_excess, resample_curves
from redheart_core.selection.detectors import ValidationCurve
from redheart_core.storage.runtime import generator
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import NOT_STORED, STORED_IF_SET, unstructure
from redheart_core.tuning.rates import Difference, RateChoice, mean_over_seeds
from redheart_core.tuning.short_runs import ShortRun, Status


@attrs.frozen
class RateRuns:
    """A group at one rate."""

    rate: float
    stage: int
    """In which it was tried; from 1."""
    status: Status
    reason: str
    """Why it was not run to the end with every seed."""
    losses: tuple[tuple[float, ...], ...]
    """Per seed the mean validation loss after each epoch that was run."""
    mean: float | None
    """Over seeds, after the last epoch; None if it was not run to the end."""
    difference: Difference | None
    """Against the chosen rate."""

    @classmethod
    def of(cls, rate: float, stage: int, runs: Sequence[ShortRun], apart: Difference | None) -> RateRuns:
        return cls(
            rate=rate,
            stage=stage,
            status=runs[-1].status,
            reason=runs[-1].reason,
            losses=tuple(run.means for run in runs),
            mean=None if apart is None else float(np.mean([run.losses[-1].mean() for run in runs])),
            difference=apart,
        )


@attrs.frozen(eq=False)
class GroupSweep:
    """What the sweep says of one group."""

    group: str
    tier: int
    status: Literal["chosen", "skipped", "failed"]
    reason: str
    """Why no rate is chosen."""
    stages: tuple[tuple[float, ...], ...] = ()
    """The rates that each stage tried."""
    rates: tuple[RateRuns, ...] = ()
    """Ascending."""
    choice: RateChoice | None = None
    epoch: int | None = None
    """The best epoch of the chosen rate's short run with seed 0, which higher tiers read."""
    updates_per_epoch: int = 0
    epochs_saved: int = 0
    """By halving, and by rates whose losses were no longer finite."""
    complete: Mapping[float, FloatArray] = attrs.field(factory=dict, repr=False, metadata=NOT_STORED)
    """Rate to its last losses, (S, N), for those that were run to the end; not in sweep.json."""

    @classmethod
    def without(cls, group: Group, status: Literal["skipped", "failed"], reason: str) -> GroupSweep:
        return cls(group.name, group.tier, status, reason)

    @property
    def chosen(self) -> float | None:
        return self.choice.chosen if self.choice else None

    @property
    def edge(self) -> str:
        """Whether no "lower" or no "higher" rate than the chosen one was tried, so that the best may lie beyond."""
        tried = [runs.rate for runs in self.rates]
        if self.chosen is None or len(tried) == 1:
            return ""
        return {tried[0]: "lower", tried[-1]: "higher"}.get(self.chosen, "")

    @property
    def epochs_run(self) -> int:
        return sum(len(losses) for rate in self.rates for losses in rate.losses)


@attrs.frozen
class CommonRate:
    """The best rate that all groups share, and what each gains by its own."""

    rate: float | None
    """The lowest mean over groups of (loss - lowest loss) / lowest loss; the smaller rate of equals."""
    reason: str
    """Why there is none."""
    candidates: tuple[float, ...]
    """The rates that every group ran to the end; no other can be compared."""
    gains: Mapping[str, Cost]
    """Group to its loss at the common rate less that at its own, with 95 % intervals over records: as it is, and
    corrected for having chosen both on the same records."""
    mean: Cost | None
    """Over groups, each relative to its lowest loss."""


@attrs.frozen
class Company:
    """Agents trained once more, each at its own rate, beside all of them at the common one."""

    rates: Mapping[str, float]
    """By group."""
    returns: Mapping[str, float]
    """Mean return of each; empty if the training stopped."""
    gain: Difference | None
    """Return of all together less that at the common rate; None if the training stopped."""
    reason: str
    """Why it stopped."""

    @property
    def taken(self) -> bool:
        """Whether all together get more beyond noise, so that the rates are taken."""
        return self.gain is not None and self.gain.beyond(1.0)


@attrs.frozen(eq=False)
class Sweep:
    """A finished sweep."""

    settings: Mapping[str, Any]
    training: TrainSettings
    """What the rates are for."""
    short: tuple[TrainSettings, ...]
    """Of the short trainings, one per seed."""
    groups: tuple[GroupSweep, ...]
    common: CommonRate
    environment: str = attrs.field(default="", metadata=STORED_IF_SET)
    """In which agents were trained, whose losses are their returns with the sign changed."""
    company: Company | None = attrs.field(default=None, metadata=STORED_IF_SET)
    """Of agents some of which got more at another rate than the common one."""

    @property
    def chosen(self) -> dict[str, float]:
        """Group to rate."""
        return {group.group: group.chosen for group in self.groups if group.chosen is not None}

    def tables(self) -> dict[str, dict[str, float]]:
        """The [groups.<name>] tables that a training takes up."""
        return {name: {"learning_rate": rate} for name, rate in self.chosen.items()}

    def cost(self) -> dict[str, float]:
        """Work in optimizer updates, and counted as short runs of all groups that are swept."""
        swept = [group for group in self.groups if group.rates]
        one = sum(group.updates_per_epoch for group in swept) * self.short[0].epochs
        run = sum(group.updates_per_epoch * group.epochs_run for group in swept)
        saved = sum(group.updates_per_epoch * group.epochs_saved for group in swept)
        return {
            "updates_of_a_short_run": one,
            "updates_run": run,
            "updates_saved": saved,
            "short_runs": run / one if one else 0.0,
        }

    def to_json(self) -> dict[str, Any]:
        """sweep.json, the same however often the sweep was interrupted, and the rates and the work that follow.

        Of agents with returns in place of losses.
        """
        plain: dict[str, Any] = unstructure(self)
        if self.environment:
            for group in plain["groups"]:
                group["rates"] = [_as_returns(runs) for runs in group["rates"]]
        return {**plain, "chosen": self.chosen, "cost": self.cost()}


def _as_returns(runs: Mapping[str, Any]) -> dict[str, Any]:
    """A rate of an agent in JSON."""
    rest = {key: value for key, value in runs.items() if key not in ("losses", "mean", "difference")}
    apart = runs["difference"]
    return {
        **rest,
        "returns": [[-loss for loss in losses] for losses in runs["losses"]],
        "mean": None if runs["mean"] is None else -runs["mean"],
        "difference": None if apart is None else {**apart, "mean": -apart["mean"]},
    }


SWEEP = SealedFile(Sweep, "sweep", 2, "sweep again with this version")


def make_sweep(
    groups: Sequence[GroupSweep], short: Sequence[TrainSettings], training: TrainSettings, settings: Mapping[str, Any]
) -> Sweep:
    """Put the groups' choices together and compare them with one rate for all."""
    return Sweep(settings, training, tuple(short), tuple(groups), common_rate(groups, training.seed))


def common_rate(groups: Sequence[GroupSweep], seed: int) -> CommonRate:
    """The best rate for all groups among those that every one of them ran to the end.

    The cost of a common epoch (redheart_core.selection.common_epoch) is asked of rates in place of epochs, on losses
    averaged over seeds: intervals are a bootstrap over validation records and do not hold what other seeds would do.
    """
    evaluated = [group for group in groups if group.complete]
    shared = sorted(set.intersection(*(set(group.complete) for group in evaluated))) if evaluated else []
    if not shared:
        return CommonRate(None, "no rate was run to the end by every group; leave out halving to compare", (), {}, None)
    places = {rate: place for place, rate in enumerate(sorted({r for group in evaluated for r in group.complete}), 1)}
    curves = [_curve(group, places) for group in evaluated]
    excess = [relative_excess(curve.losses[None]) for curve in curves]
    place = int(common_choice(excess, [curve.epochs for curve in curves])[0])
    costs = common_costs(curves, resample_curves(curves, generator(seed, "sweep")), place)
    rate = next(rate for rate, found in places.items() if found == place)
    return CommonRate(rate, "", tuple(shared), costs.groups, costs.mean)


def _curve(group: GroupSweep, places: Mapping[float, int]) -> ValidationCurve:
    rates, records = mean_over_seeds(group.complete)
    return ValidationCurve(group.group, tuple(places[rate] for rate in rates), records.mean(1), records)
