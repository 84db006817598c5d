"""Whether the disk holds what a training will write."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import CheckpointError
from redheart_core.storage.placing import can_link
from redheart_core.training.progress import GroupProgress


def check_disk(path: Path, groups: Iterable[GroupProgress], settings: TrainSettings) -> None:
    """Refuse to begin what the disk cannot hold: the checkpoints, and a model if its files have to be copies.

    Raises:
        CheckpointError: Says how much is needed and how much is free.
    """
    needed, copies = 0, 0 if can_link(path / "run.json", path) else 1
    for one in groups:
        size = sum(tensor.numel() * tensor.element_size() for tensor in one.trainer.module.parameter_dict().values())
        epochs = one.epochs - one.done
        kept = min(epochs, settings.keep_epochs + 2) if settings.keep_epochs else epochs
        needed += (kept + 4 + copies) * size
    free = shutil.disk_usage(path).free
    if needed > free:
        raise CheckpointError(
            f"the run needs {needed / 1e6:.0f} MB for checkpoints, {path} has {free / 1e6:.0f} MB free; "
            "free some, choose another folder, or keep fewer with --set training.keep_epochs=N"
        )
