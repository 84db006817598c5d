"""Takes groups of a model that was made before over into a run that trains the others anew."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core import CheckpointError
from redheart_core.groups.validation import evaluate
from redheart_core.models.manifest import read_manifest
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.retention import Retention
from redheart_core.storage.files import load_tensors
from redheart_core.training.epochs import validate_epoch
from redheart_core.training.finished_epoch import evaluated

NEAR = 1e-6
"""Part of the loss by which it may differ from the recorded one: that of another number of threads."""
SEEN = 200
"""So many training records stand for all in the loss on them, which nothing is chosen by."""


def take_over(run: Path, model: Path, names: Collection[str]) -> None:
    """Write groups of a model into a run as if they had been trained there, in one epoch.

    That is right where the run has the same records for them: the split of a record depends on no other record but
    its near-duplicates, so that this is so where only other records joined. It is checked by the validation loss.

    Args:
        run: Its folder; groups that are finished there are passed over.
        model: Folder of the model.
        names: Of the groups.

    Raises:
        CheckpointError: The model has no such group, a file is damaged, or the loss is another than the recorded one.
    """
    session, manifest = open_session(run, PluginChoice()), read_manifest(model)
    recorded = {check.group: check.recorded for check in manifest.checks}
    for group in session.context.groups:
        folder = session.run.group(group.name)
        if group.name not in names or folder.read().status == "finished":
            continue
        if group.name not in manifest.groups:
            raise CheckpointError(f"{model} has no group '{group.name}' (groups: {', '.join(manifest.groups)})")
        there = manifest.groups[group.name]
        if len(there.files) != 1:
            raise CheckpointError(f"group '{group.name}' of {model} is a blend of several epochs; train it again")
        (weights,) = there.files
        module = session.context.module(group)
        module.load(load_tensors(model / weights.file, weights.sha256))
        result = validate_epoch(session.context, module, 1)
        if abs(result.loss - recorded[group.name]) > NEAR * recorded[group.name]:
            raise CheckpointError(
                f"group '{group.name}' of {model} has a validation loss of {result.loss} here and one of "
                f"{recorded[group.name]} there; its records are others by now, so it has to be trained again"
            )
        on_train = evaluate(module, session.context.source, session.context.training_rows(group)[:SEEN])
        entry = {
            "epoch": 1,
            "train_loss": on_train.loss,
            **evaluated(result),
            "learning_rate": 0.0,
        }
        began = GroupManifest(group.name, "finished")
        folder.add_epoch(began, entry, module.parameter_dict(), {}, result.losses, Retention())
