"""What a model took of its run."""

from __future__ import annotations

from pathlib import Path

from redheart_core.contract.errors import CheckpointError
from redheart_core.models.manifest import read_manifest, verify_files
from redheart_core.runs.manifest import EpochEntry
from redheart_core.runs.run import RunFolder
from redheart_core.selection.picks import Pick
from redheart_core.selection.sweetspot import Sweetspot


def chosen_epochs(folder: Path, run: RunFolder) -> dict[str, EpochEntry]:
    """Which epoch of the run a model took of each group; every file of the model is verified.

    Raises:
        CheckpointError: The run no longer has it, it is another file, a file of the model is damaged, or data, label
            names or encoder are others.
    """
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    different = manifest.data.differences(run.read().data)
    if different:
        raise CheckpointError(
            f"{folder} was not assembled from {run.path}: {', '.join(different)} of the data differs; "
            "name the model's own run with --run"
        )
    chosen: dict[str, EpochEntry] = {}
    for name, group in manifest.groups.items():
        if group.epoch is not None:
            (weights,) = group.files
            found = [entry for entry in run.group(name).read().candidates if entry.sha256 == weights.sha256]
            if not found:
                raise CheckpointError(
                    f"{folder} was not assembled from {run.path}: group '{name}' differs; "
                    "name the model's own run with --run"
                )
            chosen[name] = found[0]
    return chosen


def model_picks(folder: Path, run: RunFolder) -> dict[str, Pick]:
    """What a model took of each group of the run.

    Raises:
        CheckpointError: As chosen_epochs.
    """
    picks = {name: Pick.single("selection", entry) for name, entry in chosen_epochs(folder, run).items()}
    for name, group in read_manifest(folder).groups.items():
        if group.files and group.epoch is None:
            picks[name] = Pick(group.method, tuple(tuple(one.shares.items()) for one in group.files))
    return picks


def left_out(folder: Path, run: RunFolder) -> dict[str, str]:
    """Groups of the run that a model does not hold, with the reason; empty for a model of the whole run.

    Raises:
        CheckpointError: No run, no model, or a damaged one.
    """
    manifest = read_manifest(folder)
    later = [name for name in run.read().groups if name not in manifest.groups and name not in manifest.missing]
    return {**manifest.missing, **dict.fromkeys(later, "it joined the run after the model was assembled")}


def require_model(folder: Path, run: RunFolder, sweetspot: Sweetspot) -> None:
    """Refuse a model that is not the best epoch of every group of the run.

    Raises:
        CheckpointError: It was assembled from another run, by another rule, of a part, or before a group joined.
    """
    missing = left_out(folder, run)
    if missing:
        raise CheckpointError(
            f"{folder} leaves out {', '.join(missing)}, which the run holds by now; remove it, and the same command "
            "assembles the whole model"
        )
    if chosen_epochs(folder, run) != sweetspot.chosen("best"):
        raise CheckpointError(
            f"{folder} is not made of the best epochs of {run.path}; remove it, "
            f"or give another model its place with redheart crossover {run.path} -o FOLDER"
        )
