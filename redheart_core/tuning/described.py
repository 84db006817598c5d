"""The training that a sweep or a search is for."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.describe import describe
from redheart_core.runs.description import RunDescription
from redheart_core.storage.files import hash_tensors
from redheart_core.training.context import TrainingContext


def describe_training(folder: Path, context: TrainingContext) -> RunDescription:
    """All that decides the numbers of a training, with the weights at which its groups begin.

    Args:
        folder: Of the run that it would be.
        context: Of the training.
    """
    found = describe(folder, context.nodes, context.groups, context.settings, context.store)
    return attrs.evolve(found, starts={name: hash_tensors(weights) for name, weights in context.starts.items()})


def require_same_training(begun: RunDescription, now: RunDescription, folder: Path) -> None:
    """Refuse to go on for another training; groups may join.

    Raises:
        CheckpointError: It differs.
    """
    begun.require_same(now, folder)
    if begun.starts != now.starts:
        before = "at other weights of a model" if begun.starts else "without --start-from"
        raise CheckpointError(
            f"what is in {folder} was begun {before}; give the same --start-from, or take another folder with -o"
        )
