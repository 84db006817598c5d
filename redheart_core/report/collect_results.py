"""Reads what later commands made of a run: test figures and model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from redheart_core.contract.errors import CheckpointError
from redheart_core.evaluation.results import EVALUATION, Evaluation
from redheart_core.models.manifest import ModelGroup as Stored
from redheart_core.models.manifest import read_manifest
from redheart_core.report.contents import GroupState, ModelGroup


def read_evaluation(file: Path, groups: Collection[str]) -> Evaluation | None:
    """The figures of the test split, None if it has not been evaluated.

    Args:
        file: evaluation.json of a run.
        groups: The run's.

    Raises:
        CheckpointError: Damaged, or of a group that the run does not have.
    """
    found = EVALUATION.read_if_there(file)
    if found is not None:
        unknown = sorted({table.group for table in found.tables} - set(groups))
        if unknown:
            raise CheckpointError(
                f"{file} is of groups that the run does not have: {', '.join(unknown)}; run redheart evaluate again"
            )
    return found


def read_model(model: Path, groups: tuple[GroupState, ...]) -> tuple[ModelGroup, ...]:
    """The groups of an assembled model.

    Raises:
        CheckpointError: No model, a damaged one, or one of another run.
    """
    known = {group.name: group for group in groups}
    found = [_model_group(model, name, stored, known) for name, stored in read_manifest(model).groups.items()]
    return tuple(sorted(found, key=lambda group: group.tier))


def _model_group(model: Path, name: str, stored: Stored, known: Mapping[str, GroupState]) -> ModelGroup:
    hashes = tuple(one.sha256 for one in stored.files)
    group = known.get(name)
    kept = {(epoch.epoch, epoch.sha256) for epoch in (*group.epochs, *group.averages)} if group else set()
    if stored.epoch is not None and (stored.epoch, hashes[0]) not in kept:
        raise CheckpointError(
            f"{model} is not a model of this run: it holds epoch {stored.epoch} of '{name}' with the SHA-256 "
            f"{hashes[0]}; name the run's own model"
        )
    return ModelGroup(name, stored.tier, stored.epochs, stored.method, hashes, stored.validation_loss)
