"""Which epoch each group should keep, judged on validation alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from redheart_core._errors import CheckpointError
from redheart_core._training import EpochEntry, GroupManifest
from redheart_core.checkpoint import GroupFolder
from redheart_core.run import RunFolder


@attrs.frozen
class GroupChoice:
    """What validation says of one group."""

    group: str
    epochs: int
    """Epochs on disk."""
    best: EpochEntry
    one_se: EpochEntry
    """The earliest epoch whose loss is within one standard error of the best one's."""
    one_se_difference: float
    """Mean over validation records of loss(one_se) - loss(best)."""
    one_se_error: float
    """Standard error of that mean, from the differences record by record."""
    common: EpochEntry
    cost: float
    """Relative excess of the loss at the common epoch over that at the best one."""


@attrs.frozen
class Sweetspot:
    """The choices of all groups, and what one common epoch for all would cost."""

    groups: tuple[GroupChoice, ...]
    common_epoch: int
    mean_cost: float

    def chosen(self, rule: str) -> dict[str, EpochEntry]:
        """Group to epoch by "best", "one_se" or "common"."""
        return {choice.group: getattr(choice, rule) for choice in self.groups}

    def to_json(self) -> dict[str, Any]:
        return attrs.asdict(self)


def find_sweetspot(run: RunFolder, groups: Sequence[str]) -> Sweetspot:
    """Choose for each group.

    Raises:
        CheckpointError: A group has no epoch on disk, or no epoch is common to all.
    """
    manifests = {name: run.group(name).read() for name in groups}
    empty = [name for name, manifest in manifests.items() if not manifest.epochs]
    if empty or not manifests:
        reasons = "; ".join(f"{name}: {manifests[name].reason or 'not trained yet'}" for name in empty)
        raise CheckpointError(f"nothing to choose from in {run.path} ({reasons or 'no groups'})")
    common = common_epoch(manifests)
    choices = tuple(_choose(run.group(name), manifest, common) for name, manifest in manifests.items())
    return Sweetspot(choices, common, sum(choice.cost for choice in choices) / len(choices))


def common_epoch(manifests: Mapping[str, GroupManifest]) -> int:
    """The epoch with the smallest mean over groups of loss / best loss; the earlier one of equals.

    Raises:
        CheckpointError: No epoch is on disk for every group.
    """
    shared = set.intersection(*({entry.epoch for entry in manifest.epochs} for manifest in manifests.values()))
    if not shared:
        raise CheckpointError(
            "no epoch is on disk for every group; train with --set training.keep_epochs=0 to compare common epochs"
        )

    def mean_ratio(epoch: int) -> float:
        return math.fsum(_ratio(manifest, epoch) for manifest in manifests.values()) / len(manifests)

    return min(sorted(shared), key=mean_ratio)


def one_standard_error(folder: GroupFolder, manifest: GroupManifest) -> tuple[EpochEntry, float, float]:
    """The 1-SE rule, paired (reference section 9.1): differences to the best epoch record by record.

    Returns:
        The earliest epoch whose mean difference is at most its own standard error,
        the difference and the error.
    """
    best = folder.losses(manifest.best)
    for entry in sorted(manifest.epochs, key=lambda entry: entry.epoch):
        difference = folder.losses(entry) - best
        error = float(difference.std(correction=1)) / math.sqrt(len(difference)) if len(difference) > 1 else 0.0
        if entry.epoch == manifest.best.epoch or float(difference.mean()) <= error:
            return entry, float(difference.mean()), error
    raise AssertionError("the best epoch is one of the epochs")


def _choose(folder: GroupFolder, manifest: GroupManifest, common: int) -> GroupChoice:
    one_se, difference, error = one_standard_error(folder, manifest)
    at_common = manifest.entry(common)
    assert at_common is not None
    return GroupChoice(
        group=manifest.group,
        epochs=len(manifest.epochs),
        best=manifest.best,
        one_se=one_se,
        one_se_difference=difference,
        one_se_error=error,
        common=at_common,
        cost=_ratio(manifest, common) - 1.0,
    )


def _ratio(manifest: GroupManifest, epoch: int) -> float:
    entry = manifest.entry(epoch)
    assert entry is not None
    best = manifest.best.validation_loss
    return entry.validation_loss / best if best > 0 else 1.0 + entry.validation_loss


def trained_groups(run: RunFolder) -> list[str]:
    """The groups of a run that have a manifest; calculators have none."""
    return [name for name in run.read()["groups"] if (run.group(name).path / "manifest.json").exists()]
