"""What the choice of an epoch is worth: intervals over validation records, and the cost of one epoch for all groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import attrs
import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from redheart_core.contract.errors import CheckpointError, DataError
from redheart_core.exact.bootstrap import LEVELS, counts, interval, resample
from redheart_core.exact.interval import Interval
from redheart_core.exact.numbers import FloatArray, IntArray, whole
from redheart_core.selection.detectors import ValidationCurve

RESAMPLES = 1000
BLOCK = 1 << 22
"""Draws held in memory at once."""


@attrs.frozen(eq=False)
class Resampled:
    """Mean losses of one group on resamples, less the loss that its best epoch has there."""

    level: FloatArray
    """(R,) loss of that epoch, the best one on all records, on the resample."""
    inside: FloatArray
    """(R, E) on the resample: N records drawn with replacement."""
    outside: FloatArray
    """(R, E) on the records that are not in the resample, about 37 %."""


def resample_curves(
    curves: Sequence[ValidationCurve], stream: torch.Generator, resamples: int = RESAMPLES
) -> tuple[Resampled, ...]:
    """Draw the validation records anew, the same ones for every group.

    Args:
        curves: Groups that were validated on the same N records, in the same order.
        stream: Decides the draws, which depend on N alone beside it.
        resamples: How many, >= 100. One that holds every record, as may happen with very few, is left out.

    Raises:
        DataError: The groups have different numbers of records.
    """
    number = int(whole("resamples", resamples, 100))
    sizes = {curve.group: curve.records.shape[1] for curve in curves}
    if len(set(sizes.values())) > 1:
        raise DataError(f"groups need the same validation records, got {sizes}; train them in one run")
    size = curves[0].records.shape[1]
    parts: list[list[tuple[FloatArray, FloatArray, FloatArray]]] = [[] for _ in curves]
    draws = resample(size, stream, number)
    block = max(1, BLOCK // size)
    with threadpool_limits(1):  # sums split over another number of threads round differently
        while samples := list(islice(draws, block)):
            inside = counts(samples, size)
            outside = inside == 0
            inside, outside = inside[outside.any(1)], outside[outside.any(1)]
            drawn = inside.sum(1, keepdims=True)
            weights = outside / outside.sum(1, keepdims=True)
            for part, curve in zip(parts, curves, strict=True):
                lowest = curve.records[curve.best]
                differences = (curve.records - lowest).T
                part.append((inside @ lowest / drawn[:, 0], inside @ differences / drawn, weights @ differences))
    joined = [[np.concatenate(arrays) for arrays in zip(*part, strict=True)] for part in parts]
    return tuple(Resampled(*arrays) for arrays in joined)


@attrs.frozen
class EpochInterval:
    """How certain a chosen epoch is."""

    low: int
    high: int
    """95 % of the resamples choose within low..high; all epochs where there are none."""
    shares: Mapping[int, float]
    """Epoch to the share of resamples that choose it, where above 0."""


def epoch_interval(curve: ValidationCurve, resampled: Resampled) -> EpochInterval:
    """The bootstrap distribution of the best epoch over validation records; any epoch may be best for one record."""
    return _epochs(np.array(curve.epochs)[resampled.inside.argmin(1)], curve.epochs)


def _epochs(winners: IntArray, possible: Sequence[int]) -> EpochInterval:
    if not len(winners):
        return EpochInterval(min(possible), max(possible), {})
    low, high = np.quantile(winners, LEVELS, method="inverted_cdf")
    epochs, counts = np.unique(winners, return_counts=True)
    shares = {int(epoch): int(count) / len(winners) for epoch, count in zip(epochs, counts, strict=True)}
    return EpochInterval(int(low), int(high), shares)


@attrs.frozen
class Cost:
    """The loss at the common epoch less the loss at the group's own best one."""

    apparent: Interval
    """On the records that both epochs were chosen on, which flatters the best one; paired bootstrap interval."""
    corrected: Interval
    """What the choice costs on records that it was not made on; below 0 if choosing per group chases noise."""


@attrs.frozen
class CommonCosts:
    """What one common epoch costs."""

    groups: Mapping[str, Cost]
    """In the unit of each group's loss."""
    interval: EpochInterval
    """Of the common epoch."""
    mean: Cost
    """Over groups, each relative to its best loss as in relative_excess."""


def common_costs(curves: Sequence[ValidationCurve], resampled: Sequence[Resampled], common: int) -> CommonCosts:
    """The cost of the common epoch, apparent and corrected for having chosen on validation.

    The correction is nested: each resample chooses every group's best epoch and the common one on its own records,
    and is evaluated on the records that are not in it. The corrected cost is the mean over resamples, its interval
    their percentiles. As those records are a third of all, the interval is wide: in simulations it held the true
    cost 96 to 100 times of 100. The corrected cost is exactly 0 where every resample chooses alike.

    Args:
        curves: Of all groups.
        resampled: What resample_curves gave for them.
        common: An epoch that all of them have.
    """
    if not len(resampled[0].level):
        return _costs_without_resamples(curves, common)
    chosen = common_choice(
        [relative_excess(part.level[:, None] + part.inside) for part in resampled],
        [curve.epochs for curve in curves],
    )
    drawn = [_draw_costs(curve, part, common, chosen) for curve, part in zip(curves, resampled, strict=True)]
    relative = [found / scale(curve.losses.min()) for curve, found in zip(curves, drawn, strict=True)]
    groups = {curve.group: _cost(found) for curve, found in zip(curves, drawn, strict=True)}
    return CommonCosts(groups, _epochs(chosen, ()), _cost(np.mean(relative, axis=0)))


def _costs_without_resamples(curves: Sequence[ValidationCurve], common: int) -> CommonCosts:
    """The apparent costs alone: no resample of a single record leaves one out."""
    unknown = Interval.undefined("one validation record leaves none to correct the choice with")
    costs = {curve.group: float(curve.losses[curve.epochs.index(common)] - curve.losses.min()) for curve in curves}
    relative = [costs[curve.group] / float(scale(curve.losses.min())) for curve in curves]
    groups = {name: Cost(Interval(cost), unknown) for name, cost in costs.items()}
    shared = set.intersection(*(set(curve.epochs) for curve in curves))
    possible = _epochs(np.empty(0, dtype=np.int64), tuple(shared))
    return CommonCosts(groups, possible, Cost(Interval(float(np.mean(relative))), unknown))


def _draw_costs(curve: ValidationCurve, part: Resampled, common: int, chosen: IntArray) -> FloatArray:
    """(3, R) costs: the apparent one R times, on each resample, and nested."""
    rows, place = np.arange(len(chosen)), curve.epochs.index(common)
    own, shared = part.inside.argmin(1), np.searchsorted(curve.epochs, chosen)
    return np.array(
        [
            np.full(len(chosen), curve.losses[place] - curve.losses.min()),
            part.inside[:, place],
            part.outside[rows, shared] - part.outside[rows, own],
        ]
    )


def _cost(found: FloatArray) -> Cost:
    (apparent, *_), fixed, nested = found
    return Cost(interval(float(apparent), fixed), interval(float(nested.mean()), nested))


def scale(best: npt.ArrayLike) -> FloatArray:
    """What an excess over a best loss is divided by: the loss itself, or 1 if it is not above 0."""
    losses = np.asarray(best, dtype=np.float64)
    return np.where(losses > 0, losses, 1.0)


def relative_excess(losses: FloatArray) -> FloatArray:
    """(..., E) losses to (loss - best) / best; without the division for groups whose best loss is not above 0."""
    lowest = losses.min(-1, keepdims=True)
    excess: FloatArray = (losses - lowest) / scale(lowest)
    return excess


def common_choice(excess: Sequence[FloatArray], epochs: Sequence[Sequence[int]]) -> IntArray:
    """The epoch of the least mean relative excess over groups; the earliest of equals.

    Args:
        excess: For each group (R, E).
        epochs: For each group its E epochs, ascending.

    Returns:
        (R,) epochs.

    Raises:
        CheckpointError: No epoch is on disk for every group.
    """
    shared = sorted(set.intersection(*map(set, epochs)))
    if not shared:
        raise CheckpointError(
            "no epoch is on disk for every group; train with --set training.keep_epochs=0 to compare common epochs"
        )
    total = sum(part[:, np.searchsorted(own, shared)] for part, own in zip(excess, epochs, strict=True))
    chosen: IntArray = np.array(shared)[np.argmin(total, axis=1)]
    return chosen
