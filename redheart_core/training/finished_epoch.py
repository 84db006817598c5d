"""What follows the updates of an epoch: validation, the moving average, what is saved, the event."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from redheart_core.contract.events import EpochFinished
from redheart_core.groups.validation import SplitResult
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.retention import Retention
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import TrainedEpoch, validate_epoch
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.progress import GroupProgress
from redheart_core.training.regularization import check_effective
from redheart_core.training.stored_weights import as_stored, state_tensors

Entry = Mapping[str, object]
"""The part of an EpochEntry that says how the epoch was trained and what it is worth."""
Tensors = Mapping[str, torch.Tensor]


@attrs.frozen
class FinishedEpoch:
    """What is saved of an epoch; GroupFolder.add_epoch explains it."""

    epoch: int
    entry: Entry
    weights: Tensors
    state: Tensors
    losses: torch.Tensor
    average: tuple[Entry, Tensors, torch.Tensor] | None = None

    def copied(self) -> FinishedEpoch:
        """The same in memory of its own, whatever the next epoch does."""
        average = self.average and (self.average[0], _copied(self.average[1]), self.average[2])
        return attrs.evolve(self, weights=_copied(self.weights), state=_copied(self.state), average=average)

    def save(self, folder: GroupFolder, manifest: GroupManifest, retention: Retention) -> GroupManifest:
        """Write it behind what a manifest has; the new manifest."""
        saved = self.entry, self.weights, self.state, self.losses
        return folder.add_epoch(manifest, *saved, retention, self.average)


def _copied(tensors: Tensors) -> Tensors:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def finish_epoch(context: TrainingContext, one: GroupProgress, epoch: int, trained: TrainedEpoch) -> FinishedEpoch:
    """Validate; returns what is known of the epoch, and what is to be saved.

    Raises:
        GroupFault: The updates met one, or the validation loss is not finite.
        SettingsError: A technique that is switched on had no effect.
    """
    trained.check()
    trainer = one.trainer
    with as_stored(trainer) as weights:
        result = validate_epoch(context, trainer.module, epoch)
    record = trainer.take_record(epoch)
    check_effective(trainer.group.settings, record.effects, trainer.group.name)
    entry = {"epoch": epoch, "train_loss": trained.loss, **evaluated(result), **attrs.asdict(record)}
    average = _average(context, trainer, epoch, entry)
    return FinishedEpoch(epoch, entry, weights, state_tensors(trainer), result.losses, average)


def evaluated(result: SplitResult) -> dict[str, object]:
    """What validation says of an epoch, as EpochEntry names it."""
    return {
        "validation_loss": result.loss,
        "metrics": result.metrics,
        "undefined": result.undefined,
        "thresholds": result.thresholds,
    }


def event(group: str, epochs: int, seconds: float, entry: Entry) -> EpochFinished:
    """The event that tells plugins of a finished epoch."""
    shown = {key: value for key, value in entry.items() if key not in ("effects", "gradient", "thresholds", "updates")}
    return EpochFinished(group=group, epochs=epochs, seconds=seconds, **shown)  # type: ignore[arg-type] # a mapping


def _average(
    context: TrainingContext, trainer: GroupTrainer, epoch: int, entry: Entry
) -> tuple[Entry, Tensors, torch.Tensor] | None:
    """Entry, weights and validation losses of the moving average, if there is one; the weights stay as they were."""
    if trainer.average is None:
        return None
    with as_stored(trainer, trainer.average.weights) as weights:
        result = validate_epoch(context, trainer.module, epoch)
    return {**entry, **evaluated(result)}, weights, result.losses
