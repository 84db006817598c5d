"""Checkpoints of one group: safetensors files, and a manifest that names each with its SHA-256.

A file counts once the manifest names it. The manifest is written last, by rename, so
a kill at any moment leaves the state before or the state after, never one between.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.manifest import GROUP_MANIFEST, EpochEntry, GroupManifest, StateFile
from redheart_core.runs.retention import Retention
from redheart_core.storage.files import (
    hash_tensors,
    load_tensors,
    make_folder,
    remove_file,
    save_tensors,
    write_tensors,
)
from redheart_core.storage.locks import updating
from redheart_core.storage.temporary import remove_stale

if TYPE_CHECKING:
    from torch import Tensor


class GroupFolder:
    """The folder groups/NAME of a run."""

    def __init__(self, run: Path, group: str) -> None:
        self.run = run
        self.group = group
        self.path = run / "groups" / group

    @property
    def manifest_file(self) -> Path:
        return self.path / "manifest.json"

    def read(self) -> GroupManifest:
        """The manifest; a new one if the group has not begun.

        Raises:
            CheckpointError: The manifest is damaged, of another format or of another group, or the folder is a link.
        """
        self._refuse_links()
        found = GROUP_MANIFEST.read_if_there(self.manifest_file)
        if found is not None and found.group != self.group:
            raise CheckpointError(
                f"{self.manifest_file} is of group '{found.group}'; every group has a folder of its own name, "
                "so put its own back, or remove this one to train the group again"
            )
        return found or GroupManifest(self.group, "running")

    def write(self, manifest: GroupManifest) -> None:
        """Write the manifest; the folder is made if it is missing."""
        self._refuse_links()
        make_folder(self.path)
        GROUP_MANIFEST.write(self.manifest_file, manifest)

    def _refuse_links(self) -> None:
        for path in (self.path, self.path.parent):
            if path.is_symlink():
                raise CheckpointError(
                    f"{path} is a link to {path.resolve()}; a run writes into its own folders alone, "
                    "so put the folder itself there, or move the whole run"
                )

    def add_epoch(
        self,
        manifest: GroupManifest,
        entry: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        optimizer: Mapping[str, Tensor],
        losses: Tensor,
        retention: Retention,
        average: tuple[Mapping[str, Any], Mapping[str, Tensor], Tensor] | None = None,
    ) -> GroupManifest:
        """Save an epoch: weights, losses, optimizer state, then the manifest; then drop what is no longer needed.

        Tensors that an epoch before has bit for bit are not written again: the entry names that file.

        Args:
            manifest: The state before.
            entry: epoch, train_loss, validation_loss, metrics and learning_rate.
            weights: What the model folder will hold.
            optimizer: The state from which training goes on; none before the first update.
            losses: (N,) float64, the validation loss record by record.
            retention: What stays beside this epoch.
            average: The same of the moving average of the weights, if there is one: entry, weights, losses.
        """
        self._refuse_links()
        make_folder(self.path)
        new = self._save(manifest, entry, weights, losses, "")
        if optimizer:
            new = attrs.evolve(new, state=self._write(manifest, f"state-{new.epoch:04d}.safetensors", optimizer))
        updated = attrs.evolve(manifest, epochs=(*manifest.epochs, new))
        if average is not None:
            beside = attrs.evolve(self._save(updated, *average, "average-"), averaged=True)
            updated = attrs.evolve(updated, averages=(*manifest.averages, beside))
        with updating(self.run):  # a model may be assembled meanwhile, and refer to an epoch
            updated = retention.apply(self.run, updated)
            updated = attrs.evolve(updated, retired=tuple(sorted(manifest.files - updated.files)))
            self.write(updated)
            self.remove_retired(updated)
        return updated

    def save_honest(self, tensors: Mapping[str, Tensor]) -> StateFile:
        """Write honest answers beside the epoch of a closed form; they count once a manifest names them."""
        self._refuse_links()
        make_folder(self.path)
        file = "honest-0001.safetensors"
        return StateFile(file, save_tensors(self.path / file, dict(tensors)))

    def honest(self, beside: StateFile) -> dict[str, Tensor]:
        """What save_honest wrote, verified.

        Raises:
            CheckpointError: The file is missing or its SHA-256 is another.
        """
        return load_tensors(self.path / beside.file, beside.sha256)

    def _save(
        self,
        manifest: GroupManifest,
        entry: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        losses: Tensor,
        prefix: str,
    ) -> EpochEntry:
        file, losses_file = (f"{prefix}{kind}-{entry['epoch']:04d}.safetensors" for kind in ("epoch", "losses"))
        saved = self._write(manifest, file, weights)
        saved_losses = self._write(manifest, losses_file, {"losses": losses})
        return EpochEntry(
            **entry,
            file=saved.file,
            sha256=saved.sha256,
            bytes=(self.path / saved.file).stat().st_size,
            losses_file=saved_losses.file,
            losses_sha256=saved_losses.sha256,
        )

    def _write(self, manifest: GroupManifest, name: str, tensors: Mapping[str, Tensor]) -> StateFile:
        """Write tensors, unless the manifest names a file that has them bit for bit; the file that has them."""
        digest = hash_tensors(tensors)
        there = manifest.hashes.get(digest)
        if there is None:
            write_tensors(self.path / name, tensors)
        return StateFile(there or name, digest)

    def remove_retired(self, manifest: GroupManifest) -> None:
        """Delete the files that the manifest, which is on disk, names as no longer needed, and nothing else."""
        for name in manifest.retired:
            path = self.path / name
            if name not in manifest.files and _is_own(path):
                remove_file(path)

    def clean_up(self, manifest: GroupManifest) -> None:
        """Finish what a process that was killed has left: files that it had retired, and files half written."""
        if not self.path.exists():
            return
        self.remove_retired(manifest)
        remove_stale(self.path)

    def weights(self, entry: EpochEntry) -> dict[str, Tensor]:
        """The weights of an epoch, verified.

        Raises:
            CheckpointError: The file is missing or its SHA-256 is another.
        """
        return load_tensors(self.path / entry.file, entry.sha256)

    def losses(self, entry: EpochEntry) -> Tensor:
        """(N,) float64, the validation loss record by record."""
        return load_tensors(self.path / entry.losses_file, entry.losses_sha256)["losses"]

    def optimizer(self, entry: EpochEntry) -> dict[str, Tensor]:
        """The optimizer state at the end of an epoch.

        Raises:
            CheckpointError: None is kept, or the file is missing or damaged.
        """
        if entry.state is None:
            raise CheckpointError(
                f"{self.manifest_file} names no optimizer state of epoch {entry.epoch}; "
                "redheart repair goes back to an epoch that has one"
            )
        return load_tensors(self.path / entry.state.file, entry.state.sha256)


def _is_own(path: Path) -> bool:
    """Whether it is there and a regular file; what is a link or a folder was not written by a run."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False
