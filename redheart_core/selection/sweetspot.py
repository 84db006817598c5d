"""Which epoch each group should keep, evaluated on validation alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch

from redheart_core.contract.errors import CheckpointError, RedheartError, join_complaints
from redheart_core.exact.clusters import Clusters
from redheart_core.exact.interval import Interval
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import EpochEntry, GroupManifest
from redheart_core.runs.returns import as_returns
from redheart_core.runs.run import RunFolder
from redheart_core.selection.common_epoch import (
    Cost,
    EpochInterval,
    common_choice,
    common_costs,
    epoch_interval,
    relative_excess,
    resample_curves,
)
from redheart_core.selection.detectors import LOSSES, RETURNS, Detection, ValidationCurve, detect
from redheart_core.selection.names import NAMES
from redheart_core.storage.html_table import html_table
from redheart_core.storage.runtime import generator
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import unstructure

RULES = ("best", "one_se", "common", "beyond_noise", "plateau", "knee", "onset", "vote")


@attrs.frozen
class GroupChoice:
    """What validation says of one group."""

    group: str
    epochs: int
    """Epochs on disk."""
    best: EpochEntry
    one_se: EpochEntry | None
    """The earliest epoch whose loss is within one standard error of the best one's; None if there is no such error."""
    one_se_difference: float | None
    """Mean over validation records of loss(one_se) - loss(best)."""
    one_se_error: float | None
    """Standard error of that mean, from the differences record by record."""
    common: EpochEntry
    cost: float
    """Relative excess of the loss at the common epoch over that at the best one."""
    interval: EpochInterval
    """Of the best epoch."""
    detections: Mapping[str, Detection]
    """What each detector says, and "vote"."""
    common_cost: Cost
    """In the unit of the group's loss."""
    metric_differences: Mapping[str, float | None]
    """Each validation metric at the common epoch less that at the best one. Without interval: a metric is one figure
    over the split, and predictions are not stored."""
    entries: Mapping[int, EpochEntry] = attrs.field(repr=False)
    """Every epoch that a detector names."""

    def chosen(self, rule: str) -> EpochEntry | None:
        """The epoch by one of RULES, None if its detector abstains; "best" may be a moving average of the weights.

        "beyond_noise" leaves the common epoch for the best one only where all of the interval of what staying would
        cost, corrected for the choice, lies above zero.
        """
        if rule == "beyond_noise":
            return self.best if self.common_cost.corrected.is_above(0.0) else self.common
        if rule in ("best", "common"):
            return self.best if rule == "best" else self.common
        epoch = self.detections[rule].epoch
        return None if epoch is None else self.entries[epoch]


@attrs.frozen
class Sweetspot:
    """The choices of all groups, and what one common epoch for all would cost."""

    groups: tuple[GroupChoice, ...]
    common_epoch: int
    common_interval: EpochInterval
    mean_cost: float
    """Mean over groups of their relative excess."""
    mean_common_cost: Cost
    """The same with intervals and corrected for having chosen on validation."""
    returns: bool = False
    """Whether the groups are agents, whose validation losses are returns with the sign changed."""

    def chosen(self, rule: str) -> dict[str, EpochEntry]:
        """Group to epoch by one of RULES.

        Raises:
            RedheartError: There is no such rule, or it abstains for a group; nothing else is taken instead.
        """
        if rule not in RULES:
            raise RedheartError(f"there is no rule '{rule}'; choose one of {', '.join(RULES)}")
        found = {choice.group: choice.chosen(rule) for choice in self.groups}
        chosen = {group: entry for group, entry in found.items() if entry is not None}
        complaints = [
            f"{choice.group}: {choice.detections[rule].reason}" for choice in self.groups if choice.group not in chosen
        ]
        if complaints:
            title = f"the rule '{rule}' names no epoch for some groups; choose best or one_se, which always do:"
            raise RedheartError(join_complaints(title, complaints))
        return chosen

    def _repr_html_(self) -> str:
        worth, cost = ("return", "return lost by it") if self.returns else ("validation loss", "its cost")
        sign = -1 if self.returns else 1
        rows = [
            (one.group, one.best.epoch, f"{one.interval.low} to {one.interval.high}",
             f"{sign * one.best.validation_loss:.5f}", self.common_epoch,
             f"{one.common.validation_loss - one.best.validation_loss:.5f}" if self.returns else f"{one.cost:+.2%}")
            for one in self.groups
        ]  # fmt: skip
        return html_table(("group", "best epoch", "95 %", worth, "common epoch", cost), rows)

    def to_json(self) -> dict[str, Any]:
        """As in sweetspot.json; of agents returns in place of validation losses."""
        plain: dict[str, Any] = unstructure(self)
        return as_returns(plain) if self.returns else plain


SWEETSPOT = SealedFile(Sweetspot, "sweetspot", 3, "run redheart sweetspot again")


def find_sweetspot(run: RunFolder, groups: Sequence[str]) -> Sweetspot:
    """Choose for each group; the seed of the run decides the resamples.

    Raises:
        CheckpointError: A group has no epoch on disk, no epoch is common to all, or a file is damaged.
        DataError: The losses of a group are not finite.
    """
    read = {name: run.group(name).read() for name in groups}
    settled = {name: manifest for name, manifest in read.items() if manifest.only is not None}
    manifests = {name: manifest for name, manifest in read.items() if manifest.only is None}
    empty = [name for name, manifest in manifests.items() if not manifest.epochs]
    if empty or not read:
        reasons = "; ".join(f"{name}: {manifests[name].reason or 'not trained yet'}" for name in empty)
        raise CheckpointError(f"nothing to choose from in {run.path} ({reasons or 'no groups'})")
    if not manifests:
        return _nothing_to_choose(tuple(map(_choose_only, settled.values())))
    common = common_epoch(manifests)
    described = run.read()
    joined, terms = described.data.validation_clusters, LOSSES if described.environment is None else RETURNS
    curves = [
        attrs.evolve(read_curve(run.group(name), manifest, joined), terms=terms) for name, manifest in manifests.items()
    ]
    resampled = resample_curves(curves, generator(run.settings().seed, "sweetspot"))
    costs = common_costs(curves, resampled, common)
    chosen = [
        _choose(manifests[curve.group], curve, epoch_interval(curve, part), common, costs.groups[curve.group])
        for curve, part in zip(curves, resampled, strict=True)
    ]
    mean = sum(choice.cost for choice in chosen) / len(chosen)
    by_name = {choice.group: choice for choice in (*chosen, *map(_choose_only, settled.values()))}
    return Sweetspot(
        tuple(by_name[name] for name in read),
        common,
        costs.interval,
        mean,
        costs.mean,
        described.environment is not None,
    )


def read_curve(folder: GroupFolder, manifest: GroupManifest, joined: Sequence[Sequence[int]]) -> ValidationCurve:
    """The validation losses of every epoch on disk, verified.

    Args:
        folder: Of the group.
        manifest: Of the group.
        joined: Places of validation records that are near-duplicates of each other, and count as one.

    Raises:
        CheckpointError: A file is missing or damaged.
        DataError: As ValidationCurve.
    """
    entries = sorted(manifest.epochs, key=lambda entry: entry.epoch)
    records = np.stack([folder.losses(entry).numpy() for entry in entries])
    numbers = torch.arange(records.shape[1])
    for places in joined:
        numbers[list(places)] = places[0]
    return ValidationCurve(
        group=manifest.group,
        epochs=tuple(entry.epoch for entry in entries),
        losses=np.array([entry.validation_loss for entry in entries]),
        records=Clusters(numbers).values(records),
    )


def common_epoch(manifests: Mapping[str, GroupManifest]) -> int:
    """The epoch with the smallest mean over groups of loss / best loss; the earlier one of equals.

    Of a group whose best loss is not above 0, loss - best loss counts.

    Raises:
        CheckpointError: No epoch is on disk for every group.
    """
    curves = [
        sorted((entry.epoch, entry.validation_loss) for entry in manifest.epochs) for manifest in manifests.values()
    ]
    excess = [relative_excess(np.array([[loss for _, loss in curve]])) for curve in curves]
    return int(common_choice(excess, [[epoch for epoch, _ in curve] for curve in curves])[0])


def _choose(
    manifest: GroupManifest, curve: ValidationCurve, interval: EpochInterval, common: int, cost: Cost
) -> GroupChoice:
    entries = {entry.epoch: entry for entry in manifest.epochs}
    detections = detect(curve)
    one_se = detections["one_se"].epoch
    at_best, at_common = manifest.best, entries[common]
    difference = None if one_se is None else curve.records[curve.epochs.index(one_se)] - curve.records[curve.best]
    losses = np.array([at_best.validation_loss, at_common.validation_loss])
    return GroupChoice(
        group=manifest.group,
        epochs=len(manifest.epochs),
        best=at_best,
        one_se=None if one_se is None else entries[one_se],
        one_se_difference=None if difference is None else float(difference.mean()),
        one_se_error=None if difference is None else float(difference.std(ddof=1)) / len(difference) ** 0.5,
        common=at_common,
        cost=float(relative_excess(losses)[1]),
        interval=interval,
        detections=detections,
        common_cost=cost,
        metric_differences={name: _less(at_common.metrics[name], value) for name, value in at_best.metrics.items()},
        entries={one.epoch: entries[one.epoch] for one in detections.values() if one.epoch is not None},
    )


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


_NOTHING = Interval(0.0, 0.0, 0.0)


def _nothing_to_choose(choices: tuple[GroupChoice, ...]) -> Sweetspot:
    """Of groups with one epoch each, which is common to all."""
    only = choices[0].best.epoch
    return Sweetspot(choices, only, EpochInterval(only, only, {only: 1.0}), 0.0, Cost(_NOTHING, _NOTHING))


def _choose_only(manifest: GroupManifest) -> GroupChoice:
    """A group with one epoch, which stands for every one."""
    (entry,) = manifest.epochs
    said = Detection(entry.epoch, "fitted in closed form" if manifest.fitted else "kept as it began")
    return GroupChoice(
        group=manifest.group,
        epochs=1,
        best=entry,
        one_se=entry,
        one_se_difference=0.0,
        one_se_error=0.0,
        common=entry,
        cost=0.0,
        interval=EpochInterval(entry.epoch, entry.epoch, {entry.epoch: 1.0}),
        detections=dict.fromkeys(NAMES, said),
        common_cost=Cost(_NOTHING, _NOTHING),
        metric_differences=dict.fromkeys(entry.metrics, 0.0),
        entries={entry.epoch: entry},
    )


def trained_groups(run: RunFolder) -> list[str]:
    """The groups of a run that have a manifest; calculators have none."""
    return [name for name in run.read().groups if run.group(name).manifest_file.exists()]
