"""What follows the updates of an epoch: validation, the moving average, the checkpoint, the event."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from redheart_core.contract.events import EpochFinished
from redheart_core.groups.validation import SplitResult
from redheart_core.runs.retention import Retention
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import TrainedEpoch, validate_epoch
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.progress import GroupProgress
from redheart_core.training.regularization import check_effective

Entry = Mapping[str, object]
"""The part of an EpochEntry that says how the epoch was trained and what it is worth."""


def finish_epoch(context: TrainingContext, one: GroupProgress, epoch: int, trained: TrainedEpoch) -> Entry:
    """Validate and save; returns what is known of the epoch.

    Raises:
        GroupFault: The updates met one, or the validation loss is not finite.
        SettingsError: A technique that is switched on had no effect.
    """
    trained.check()
    trainer = one.trainer
    result = validate_epoch(context, trainer.module, epoch)
    record = trainer.take_record(epoch)
    check_effective(trainer.group.settings, record.effects, trainer.group.name)
    entry = {"epoch": epoch, "train_loss": trained.loss, **evaluated(result), **attrs.asdict(record)}
    one.manifest = one.folder.add_epoch(
        one.manifest,
        entry,
        trainer.module.parameter_dict(),
        trainer.optimizer_tensors(),
        result.losses,
        Retention.of(context.settings),
        _average(context, trainer, epoch, entry),
    )
    return entry


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
) -> tuple[dict[str, object], dict[str, torch.Tensor], torch.Tensor] | None:
    """Entry, weights and validation losses of the moving average, if there is one; the weights stay as they were."""
    if trainer.average is None:
        return None
    own = {name: tensor.clone() for name, tensor in trainer.module.parameter_dict().items()}
    weights = own | trainer.average.weights
    trainer.module.load(weights)
    result = validate_epoch(context, trainer.module, epoch)
    trainer.module.load(own)
    return {**entry, **evaluated(result)}, weights, result.losses
