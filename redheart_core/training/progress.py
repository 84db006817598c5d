"""How far a group of a run is: its trainer, its folder, and the epochs of lower groups that were fixed for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.honest import HonestAnswers
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import EpochEntry, FixedInput, GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import check_sha256, hash_tensors
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.stored_weights import as_stored, go_on


class DamagedGroup(Exception):  # noqa: N818 - an event to deal with: other groups go on
    """A fitted group's file, or what it was fitted on, is missing or damaged; its manifest stays as it is, for when the
    file is restored."""


@attrs.define(eq=False)
class GroupProgress:
    """A group on its way through the epochs."""

    trainer: GroupTrainer
    folder: GroupFolder
    manifest: GroupManifest
    grown: bool = False
    """It begins with weights of a model, and none of its epochs has been saved."""
    settle: Callable[[], object] = attrs.field(default=lambda: None)
    """Waits for a save that is under way, after which the manifest is that on disk."""
    saving: int | None = None
    """The epoch that is being saved."""

    @property
    def name(self) -> str:
        return self.trainer.group.name

    @property
    def done(self) -> int:
        """The newest epoch on disk or on the way there, 0 if no update was made."""
        if self.saving is not None:
            return self.saving
        return self.manifest.epochs[-1].epoch if self.manifest.epochs else 0

    @property
    def epochs(self) -> int:
        """How many it is trained for."""
        return self.trainer.settings.epochs

    def restore(self, run: RunFolder) -> None:
        """Take over the newest epoch with its state. Before the first update there is none, and the group begins: at
        the weights that were drawn, or that the run begins with, as its epoch 0 has them.

        Raises:
            CheckpointError: A file is missing or damaged, or the group begins otherwise than it did.
        """
        self.folder.clean_up(self.manifest)
        newest = self.manifest.epochs[-1] if self.manifest.epochs else None
        if newest is not None and newest.epoch:
            go_on(self.trainer, self.folder.weights(newest), self.folder.optimizer(newest))
            return
        start = run.start(self.name)
        self.grown = start is not None
        if start is not None:
            self.trainer.begin_at(start)
        if newest is not None:
            self._begin_as(newest)

    def _begin_as(self, zero: EpochEntry) -> None:
        """Begin at the weights of epoch 0: those of its file, or if it holds rounded ones those that began it."""
        if self.trainer.settings.checkpoint_dtype == "float32":
            self.trainer.begin_at(self.folder.weights(zero))
            return
        check_sha256(self.folder.path / zero.file, zero.sha256)
        with as_stored(self.trainer) as own:
            if hash_tensors(own) != zero.sha256:
                raise CheckpointError(
                    f"group '{self.name}' begins at other weights than those of its epoch 0 in {self.folder.path}; go "
                    "on with what began it, or remove that folder to train the group again"
                )

    def finish(self) -> None:
        """Write that the last epoch is done."""
        self.settle()
        if self.manifest.status != "finished":
            # what was retired has been removed; the names would tell a group that was repaired from one that was not
            self._write(status="finished", retired=())

    def note_halved(self, epoch: int, step: int, size: int) -> None:
        """Write that from an update on so many records are computed at a time."""
        self._write(halved=(*self.manifest.halved, (epoch, step, size)))

    def forget_halved(self, epoch: int, step: int) -> None:
        """Take back what was written of an update, which did not help."""
        kept = tuple(one for one in self.manifest.halved if one[:2] != (epoch, step))
        if kept != self.manifest.halved:
            self._write(halved=kept)

    def stop(self, reason: str) -> None:
        """Write why the group does not go on."""
        self._write(status="stopped", reason=reason)

    def _write(self, **changes: Any) -> None:
        self.settle()  # a save leaves what is changed here as it was
        self.manifest = attrs.evolve(self.manifest, **changes)
        self.folder.write(self.manifest)


def write_stop(folder: GroupFolder, manifest: GroupManifest, reason: str) -> GroupManifest:
    """Write why a group does not go on; returns the new manifest."""
    stopped = attrs.evolve(manifest, status="stopped", reason=reason)
    folder.write(stopped)
    return stopped


def epochs_done(run: RunFolder, group: str) -> int:
    """Epochs of a group that an earlier process finished; 0 too if its manifest is damaged, which stops it later."""
    try:
        return max((entry.epoch for entry in run.group(group).read().epochs), default=0)
    except CheckpointError:
        return 0


def fixed_inputs(run: RunFolder, group: Group) -> dict[str, FixedInput]:
    """The epochs of lower groups that this group is trained on: the best of each."""
    fixed: dict[str, FixedInput] = {}
    for name in group.reads:
        manifest = run.group(name).read()
        if manifest.epochs:
            fixed[name] = FixedInput(manifest.best.epoch, manifest.best.sha256)
    return fixed


def require_same_inputs(group: Group, manifest: GroupManifest, inputs: Mapping[str, FixedInput]) -> None:
    """Refuse to go on with a group whose lower groups have other best epochs than when it began.

    Raises:
        CheckpointError: They have.
    """
    if manifest.epochs and inputs != manifest.inputs:
        changed = sorted(name for name in {*inputs, *manifest.inputs} if inputs.get(name) != manifest.inputs.get(name))
        raise CheckpointError(
            f"group '{group.name}' was trained on other epochs of {', '.join(changed)}, or without them; "
            "restore their folders from a copy, or remove that of this group to train it again"
        )


def load_fixed(run: RunFolder, group: Group, module: GroupModule) -> None:
    """Load a finished group's best epoch, with its honest answers if it has some; a calculator has no epoch."""
    folder = run.group(group.name)
    manifest = folder.read()
    if manifest.epochs:
        module.read(folder.path / manifest.best.file, manifest.best.sha256)
        module.honest = honest_answers(folder, manifest)


def honest_answers(folder: GroupFolder, manifest: GroupManifest) -> HonestAnswers | None:
    """Those of a fitted group, None if its fit gave none.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    return None if manifest.honest is None else HonestAnswers.of(folder.honest(manifest.honest))
