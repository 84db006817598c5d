"""From the epochs of a run to a model folder, and proof that it gives what the run recorded."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.groups.group import Group
from redheart_core.groups.validation import evaluate, has_objective
from redheart_core.models.model import FORMAT, Model, read_manifest
from redheart_core.runs.manifest import EpochEntry
from redheart_core.runs.run import RunFolder, describe_data, describe_node, relative_path
from redheart_core.selection.picks import Pick
from redheart_core.selection.sweetspot import Sweetspot
from redheart_core.storage.files import save_tensors, sha256, write_json
from redheart_core.training.context import TrainingContext, usable_fields


def assemble(
    folder: Path,
    run: RunFolder,
    context: TrainingContext,
    chosen: Mapping[str, EpochEntry],
    blends: Mapping[str, Blend] | None = None,
) -> None:
    """Put every group into a model folder: the chosen epoch, linked and not rewritten, or what it was blended to.

    Args:
        folder: Made here.
        run: The run.
        trainer: Its trainer.
        chosen: Group to epoch.
        blends: Group to mixed or several weights instead of one epoch.

    Raises:
        CheckpointError: The folder exists, a checkpoint is damaged, or a group is to be taken
            at another epoch than the groups above it were trained on.
    """
    if folder.exists():
        raise CheckpointError(f"{folder} exists; choose another folder or remove it")
    for group in context.groups:
        _check_inputs(run, group, chosen)
    building = folder.with_name(f".{folder.name}.tmp")
    if building.exists():
        shutil.rmtree(building)
    (building / "groups").mkdir(parents=True)
    groups: dict[str, Any] = {}
    for group in context.groups:
        table: dict[str, Any] = {"tier": group.tier, "nodes": [node.name for node in group.nodes]}
        if blends and group.name in blends:
            table |= _write_blend(building, group.name, blends[group.name])
        elif group.name in chosen:
            entry, file = chosen[group.name], f"groups/{group.name}.safetensors"
            link(run.group(group.name).path / entry.file, building / file)
            found = sha256(building / file)
            if found != entry.sha256:
                raise CheckpointError(
                    f"{run.group(group.name).path / entry.file} is damaged: SHA-256 {found}, recorded {entry.sha256}"
                )
            table |= {
                "epoch": entry.epoch,
                "averaged": entry.averaged,
                "file": file,
                "sha256": entry.sha256,
                "validation_loss": entry.validation_loss,
                "metrics": dict(entry.metrics),
                "thresholds": dict(entry.thresholds),
            }
        groups[group.name] = table
    files = {}
    parts = [context.store.folder / part for part in ("encoder", "terms")]
    for source in sorted(path for part in parts for path in part.rglob("*") if path.is_file()):
        name = source.relative_to(context.store.folder).as_posix()
        (building / name).parent.mkdir(parents=True, exist_ok=True)
        link(source, building / name)
        files[name] = sha256(source)
    manifest = {
        "format": FORMAT,
        "groups": groups,
        "nodes": {node.name: describe_node(node) for node in context.nodes},
        "training": run.read()["training"],
        "data": describe_data(context.store, folder) | {"usable": sorted(usable_fields(context.store))},
        "statistics": target_statistics(context),
        "files": files,
        "run": relative_path(run.path, folder),
    }
    write_json(building / "manifest.json", manifest)
    os.replace(building, folder)


@attrs.frozen(eq=False)
class Blend:
    """What a group was made into out of several epochs."""

    pick: Pick
    epochs: str
    """For people."""
    states: tuple[Mapping[str, Tensor], ...]
    """The weights of each member."""
    validation_loss: float
    metrics: Mapping[str, float | None]
    thresholds: Mapping[str, Sequence[float | None]]


def _write_blend(building: Path, group: str, blend: Blend) -> dict[str, Any]:
    members = []
    for number, (member, state) in enumerate(zip(blend.pick.members, blend.states, strict=True), 1):
        file = f"groups/{group}-{number}.safetensors"
        members.append({"file": file, "sha256": save_tensors(building / file, dict(state)), "shares": dict(member)})
    return {
        "method": blend.pick.method,
        "epochs": blend.epochs,
        "members": members,
        "validation_loss": blend.validation_loss,
        "metrics": dict(blend.metrics),
        "thresholds": dict(blend.thresholds),
    }


def link(source: Path, target: Path) -> None:
    """Hard-link a file.

    Raises:
        CheckpointError: The file system cannot, or the folders are on two of them.
    """
    try:
        os.link(source, target)
    except OSError as error:
        hint = (
            "choose a folder on the same file system as the run" if error.errno == errno.EXDEV else "check the folder"
        )
        raise CheckpointError(f"cannot link {source} to {target}: {error.strerror}; {hint}") from error


def target_statistics(context: TrainingContext) -> dict[str, dict[str, dict[str, float | None]]]:
    """Mean and standard deviation of every label over the training records: field, label, figure; shares of counts.

    None for the mean of no number and the deviation of fewer than two; of a constant it is exactly 0.
    """
    rows, statistics = context.store.rows("train"), {}
    for name in sorted({target for group in context.groups for target in group.targets}):
        field = context.store.fields[name]
        target = context.store.target(name)[rows].double()
        columns = (target / target.sum(-1, keepdim=True) if field.counts else target).reshape(len(rows), -1)
        table: dict[str, dict[str, float | None]] = {}
        for index, label in enumerate(field.elements):
            column = columns[:, index]
            found = column[~column.isnan()]
            spread = float(found.std()) if len(found) > 1 else None
            table[label] = {
                "mean": float(found.mean()) if len(found) else None,
                "std": 0.0 if len(found) > 1 and bool((found == found[0]).all()) else spread,
                "count": float(len(found)),
            }
        statistics[name] = table
    return statistics


def _check_inputs(run: RunFolder, group: Group, chosen: Mapping[str, EpochEntry]) -> None:
    for name, fixed in run.group(group.name).read().inputs.items():
        if chosen[name].sha256 != fixed["sha256"]:
            raise CheckpointError(
                f"group '{group.name}' was trained on epoch {fixed['epoch']} of '{name}', not on {chosen[name].epoch}; "
                f"take '{name}' at epoch {fixed['epoch']}"
            )


@attrs.frozen
class ExactnessCheck:
    """A group's validation loss as recorded in the run and as the assembled model gives it."""

    group: str
    epoch: int | str
    """The epoch, or the epochs of a blend."""
    recorded: float
    assembled: float

    @property
    def equal(self) -> bool:
        return self.recorded == self.assembled


def check_exactness(model: Model, context: TrainingContext) -> list[ExactnessCheck]:
    """Validate every group with the weights that the model folder holds.

    Raises:
        CheckpointError: A loss differs from the recorded one, be it in the last bit.
    """
    checks = []
    for group in context.groups:
        table, module = model.manifest["groups"][group.name], model.modules[group.name]
        if "validation_loss" in table and has_objective(module):
            loss = evaluate(module, context.source, context.store.rows("validation")).loss
            epoch = f"{table['epoch']} (average)" if table.get("averaged") else table.get("epoch", table.get("epochs"))
            checks.append(ExactnessCheck(group.name, epoch, table["validation_loss"], loss))
        context.add_outputs(group, module, context.seen_rows())
    different = [check for check in checks if not check.equal]
    if different:
        details = "; ".join(f"{c.group}: recorded {c.recorded!r}, assembled {c.assembled!r}" for c in different)
        raise CheckpointError(
            f"the assembled model in {model.folder} does not reproduce the run ({details}); "
            "was it trained on another machine, or with another number of threads?"
        )
    return checks


def chosen_epochs(folder: Path, run: RunFolder) -> dict[str, EpochEntry]:
    """Which epoch of the run a model took of each group.

    Raises:
        CheckpointError: The run no longer has it, it is another file, or data, label names or
            encoder are others.
    """
    manifest, data = read_manifest(folder), run.read()["data"]
    for key in ("fingerprint", "fields", "encoder"):
        if manifest["data"][key] != data[key]:
            raise CheckpointError(f"{folder} was not assembled from {run.path}: {key} of the data differs")
    chosen: dict[str, EpochEntry] = {}
    for name, table in manifest["groups"].items():
        if "file" in table:
            found = [entry for entry in run.group(name).read().candidates if entry.sha256 == table["sha256"]]
            if not found:
                raise CheckpointError(f"{folder} was not assembled from {run.path}: group '{name}' differs")
            chosen[name] = found[0]
    return chosen


def model_picks(folder: Path, run: RunFolder) -> dict[str, Pick]:
    """What a model took of each group of the run.

    Raises:
        CheckpointError: As chosen_epochs.
    """
    picks = {name: Pick.single("selection", entry) for name, entry in chosen_epochs(folder, run).items()}
    for name, table in read_manifest(folder)["groups"].items():
        if "members" in table:
            members = tuple(tuple(member["shares"].items()) for member in table["members"])
            picks[name] = Pick(table["method"], members)
    return picks


def require_model(folder: Path, run: RunFolder, sweetspot: Sweetspot) -> None:
    """Refuse a model that is not the best epoch of every group of the run.

    Raises:
        CheckpointError: It was assembled from another run, by another rule, or before a group was added.
    """
    if chosen_epochs(folder, run) != sweetspot.chosen("best"):
        raise CheckpointError(
            f"{folder} is not made of the best epochs of {run.path}; remove it, "
            f"or give another model its place with redheart crossover {run.path} -o FOLDER"
        )
