"""Whether the disk holds what a training will write, all tiers of it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.retention import Retention, references
from redheart_core.runs.run import RunFolder
from redheart_core.storage.placing import can_link
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, stopping_alone
from redheart_core.training.low_bits import state_layout
from redheart_core.training.stored_weights import rounded

HEADER = 128
"""Bytes that a safetensors file has for a tensor beside its numbers and its name, at most."""
ENTRY = 4096
"""Bytes of an epoch in the group's manifest, about."""


@attrs.frozen
class GroupDisk:
    """Bytes of a group's files."""

    stays: int
    """All of them after the last epoch."""
    passing: int
    """What a save writes before it removes what is replaced: an optimizer state, and an epoch that is not kept."""


def check_disk(run: RunFolder, context: TrainingContext, groups: Sequence[Group]) -> None:
    """Refuse to begin what the disk cannot hold: the checkpoints, and a model if its files have to be copies.

    Args:
        run: As needed_bytes has it, like context.
        groups: Those that this process trains.

    Raises:
        CheckpointError: Says how much is needed and how much is free.
    """
    needed = needed_bytes(run, context, groups, copies=not can_link(run.file, run.path))
    free = shutil.disk_usage(run.path).free
    if needed > free:
        raise CheckpointError(
            f"the run needs {math.ceil(needed / 1e6)} MB for checkpoints, {run.path} has {free // 10**6} MB free; "
            "free some, choose another folder, or keep fewer with --set training.keep_epochs=N"
        )


def needed_bytes(run: RunFolder, context: TrainingContext, groups: Sequence[Group], *, copies: bool) -> int:
    """The most that groups of all tiers will hold on disk, beyond what they hold now.

    Args:
        run: New, or as an earlier process left it.
        context: Of the run.
        groups: Those that count; they are built one at a time.
        copies: Whether a model will hold copies of weights.
    """
    models, held, most = 0, 0, 0
    for _, tier in groupby(sorted(groups, key=lambda group: group.tier), key=lambda group: group.tier):
        passing = 0
        for group in tier:
            manifest = _unfinished(run, group)
            try:
                with stopping_alone():
                    module = context.module(group)
            except GroupFault:  # it stops alone, with its reason, when its turn comes, and writes nothing
                continue
            if copies:
                models += file_bytes(_of_epoch(context, module))
            if manifest is not None:
                disk = group_disk(run, context, module, manifest)
                held += max(0, disk.stays - _there(run.group(group.name).path))
                passing = max(passing, disk.passing)
        most = max(most, held + passing)
    return most + models


def group_disk(run: RunFolder, context: TrainingContext, module: GroupModule, manifest: GroupManifest) -> GroupDisk:
    """What a group will write until its last epoch, and what is left of it then."""
    group = module.group
    losses = 2 * HEADER + 8 * len(context.store.rows("validation"))
    one = file_bytes(_of_epoch(context, module)) + losses + ENTRY
    if group.fitted:
        return GroupDisk(one + _honest_bytes(context, group), 0)
    learnt = {name: tensor for name, tensor in module.named_parameters() if tensor.requires_grad}
    if not learnt:
        return GroupDisk(0, 0)
    averages = 1 if group.settings.is_on("ema") else 0
    settings = context.own_settings(group)
    state = averages * file_bytes(learnt) + _state_bytes(learnt, settings.optimizer_bits)
    if settings.checkpoint_dtype != "float32":
        state += file_bytes(module.parameter_dict())
    updated, keep = settings.epochs, Retention.of(context.settings)
    first = 0 if group.begins_at_baseline or group.name in run.starts else 1
    on_disk = [entry.epoch for entry in manifest.epochs]
    epochs = len(on_disk) + updated - (on_disk[-1] if on_disk else first - 1)
    referred = len(references(run.path).get(group.name, ()))
    kept = min(epochs, keep.keep_epochs + keep.keep_best + referred) if keep.keep_epochs else epochs
    states = min(keep.keep_states or updated, kept, updated)
    replaced = (state if states < updated else 0) + ((1 + averages) * one if kept < epochs else 0)
    return GroupDisk((kept + averages * min(kept, updated)) * one + states * state, replaced)


def _of_epoch(context: TrainingContext, module: GroupModule) -> dict[str, Tensor]:
    """What the file of an epoch holds, without memory."""
    tensors = {name: tensor.to("meta") for name, tensor in module.parameter_dict().items()}
    group = module.group
    return tensors if group.fitted else rounded(tensors, context.own_settings(group).checkpoint_dtype)


def file_bytes(tensors: Mapping[str, Tensor]) -> int:
    """Of a safetensors file, rather too many than too few."""
    return HEADER + sum(HEADER + len(name.encode()) + tensor.nbytes for name, tensor in tensors.items())


def _state_bytes(learnt: Mapping[str, Tensor], bits: int) -> int:
    """Of a file with AdamW's state of some parameters."""
    return HEADER + sum(
        HEADER + len(key) + 1 + len(name.encode()) + shape.numel() * dtype.itemsize
        for name, tensor in learnt.items()
        for key, (shape, dtype) in state_layout(tensor, bits).items()
    )


def _honest_bytes(context: TrainingContext, group: Group) -> int:
    """Of a closed form's honest answers, if it gives some for all of its outputs."""
    if not group.settings.honest:
        return 0
    rows = context.served(group, context.store.rows(context.fitted_splits(group)[0]))
    shapes = [output.resolve(node.settings, context.store.fields) for node in group.nodes for output in node.spec.gives]
    numbers = sum(math.prod(size for size in shape if isinstance(size, int)) for shape in shapes if "T" not in shape)
    return (len(shapes) + 1) * 2 * HEADER + len(rows) * (8 + 4 * numbers)


def _unfinished(run: RunFolder, group: Group) -> GroupManifest | None:
    """The manifest of a group that will write; None of one that has finished or stopped, or stops for its damage."""
    try:
        manifest = run.group(group.name).read()
    except CheckpointError:  # the training reports it and goes on without the group
        return None
    return manifest if manifest.status == "running" else None


def _there(folder: Path) -> int:
    """Bytes of the files of a group's folder."""
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.exists() else 0
