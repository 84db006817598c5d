"""Epoch 0 of a group that begins at the answers of the baseline, or at a model: evaluated and saved before its
first update."""

from __future__ import annotations

import math
from collections.abc import Collection

from redheart_core.contract.errors import SettingsError
from redheart_core.groups.validation import evaluate
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import validate_epoch
from redheart_core.training.finished_epoch import FinishedEpoch, evaluated
from redheart_core.training.group_trainer import stopping_alone
from redheart_core.training.progress import GroupProgress
from redheart_core.training.stored_weights import as_stored

SEEN = 2000
"""So many training records at most, evenly apart, stand for all in the loss on them, by which nothing is chosen; all of
them would take a third of an epoch."""


def require_beginnings(context: TrainingContext, starts: Collection[str]) -> None:
    """Refuse a group that has no epochs to train and no epoch 0.

    Args:
        context: Of the run.
        starts: Groups that begin at the weights of a model.

    Raises:
        SettingsError: There is one.
    """
    for group in context.groups:
        untrained = not group.fitted and group.targets and not context.own_settings(group).epochs
        if untrained and not group.begins_at_baseline and group.name not in starts:
            raise SettingsError(
                f"group '{group.name}' is to be trained for 0 epochs and begins at random weights; give it epochs, or "
                "begin at a model that has it (--start-from)"
            )


def begins_now(one: GroupProgress) -> bool:
    """Whether the group has an epoch 0 and none of its epochs has been saved."""
    begins = one.trainer.group.begins_at_baseline or one.grown
    return begins and not one.manifest.epochs


def finish_epoch_zero(context: TrainingContext, one: GroupProgress) -> FinishedEpoch:
    """Evaluate a group as it is before its first update; returns what is to be saved.

    Raises:
        GroupFault: The validation loss is not finite, or a plugin's code fails.
    """
    module, rows = one.trainer.module, context.training_rows(one.trainer.group)
    with as_stored(one.trainer) as weights:
        with stopping_alone():
            on_train = evaluate(module, context.source, rows[:: math.ceil(len(rows) / SEEN)])
        result = validate_epoch(context, module, 0)
    entry = {"epoch": 0, "train_loss": on_train.loss, **evaluated(result), "learning_rate": 0.0}
    return FinishedEpoch(0, entry, weights, {}, result.losses)
