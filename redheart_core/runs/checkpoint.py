"""Checkpoints of one group: safetensors files, and a manifest that names each with its SHA-256.

A file counts once the manifest names it. The manifest is written last, by rename, so
a kill at any moment leaves the state before or the state after, never one between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.manifest import RUN_FORMAT, EpochEntry, GroupManifest
from redheart_core.storage.files import load_tensors, make_folder, read_json, save_tensors, write_json


class GroupFolder:
    """The folder groups/NAME of a run."""

    def __init__(self, run: Path, group: str) -> None:
        self.group = group
        self.path = run / "groups" / group

    @property
    def manifest_file(self) -> Path:
        return self.path / "manifest.json"

    def read(self) -> GroupManifest:
        """The manifest; a new one if the group has not begun.

        Raises:
            CheckpointError: The manifest is damaged or of another format.
        """
        file = self.manifest_file
        return parse_manifest(read_json(file), file) if file.exists() else GroupManifest(self.group, "running")

    def write(self, manifest: GroupManifest) -> None:
        write_json(self.manifest_file, manifest.to_json())

    def add_epoch(
        self,
        manifest: GroupManifest,
        entry: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        optimizer: Mapping[str, Tensor],
        losses: Tensor,
        keep: Sequence[int] | None,
        average: tuple[Mapping[str, Any], Mapping[str, Tensor], Tensor] | None = None,
    ) -> GroupManifest:
        """Save an epoch: weights, losses, optimizer state, then the manifest; then drop what is no longer needed.

        Args:
            manifest: The state before.
            entry: epoch, train_loss, validation_loss, metrics and learning_rate.
            weights: What the model folder will hold.
            optimizer: Replaces the state of the epoch before.
            losses: (N,) float64, the validation loss record by record.
            keep: Epochs to keep besides this one and the best; None keeps all.
            average: The same of the moving average of the weights, if there is one: entry, weights, losses.
        """
        make_folder(self.path)
        epoch = int(entry["epoch"])
        new = self._save(entry, weights, losses, "")
        averages = manifest.averages
        if average is not None:
            averages = (*averages, attrs.evolve(self._save(*average, "average-"), averaged=True))
        updated = attrs.evolve(manifest, epochs=(*manifest.epochs, new), averages=averages)
        if optimizer:
            state_file = f"state-{epoch:04d}.safetensors"
            state_sha = save_tensors(self.path / state_file, dict(optimizer))
            updated = attrs.evolve(updated, state_file=state_file, state_sha256=state_sha)
        if keep is not None:
            kept = {*keep, epoch, updated.best.epoch}
            updated = attrs.evolve(
                updated,
                epochs=tuple(e for e in updated.epochs if e.epoch in kept),
                averages=tuple(e for e in updated.averages if e.epoch in kept),
            )
        self.write(updated)
        self.remove_unnamed(updated)
        return updated

    def _save(self, entry: Mapping[str, Any], weights: Mapping[str, Tensor], losses: Tensor, prefix: str) -> EpochEntry:
        file, losses_file = (f"{prefix}{kind}-{entry['epoch']:04d}.safetensors" for kind in ("epoch", "losses"))
        return EpochEntry(
            **entry,
            file=file,
            sha256=save_tensors(self.path / file, dict(weights)),
            bytes=(self.path / file).stat().st_size,
            losses_file=losses_file,
            losses_sha256=save_tensors(self.path / losses_file, {"losses": losses}),
        )

    def remove_unnamed(self, manifest: GroupManifest) -> None:
        """Delete files that the manifest does not name: older states, retired epochs, remains of a kill."""
        named = {self.manifest_file.name, manifest.state_file}
        for entry in manifest.candidates:
            named |= {entry.file, entry.losses_file}
        for file in self.path.iterdir():
            if file.name not in named:
                file.unlink()

    def weights(self, entry: EpochEntry) -> dict[str, Tensor]:
        """The weights of an epoch, verified.

        Raises:
            CheckpointError: The file is missing or its SHA-256 is another.
        """
        return load_tensors(self.path / entry.file, entry.sha256)

    def losses(self, entry: EpochEntry) -> Tensor:
        """(N,) float64, the validation loss record by record."""
        return load_tensors(self.path / entry.losses_file, entry.losses_sha256)["losses"]

    def optimizer(self, manifest: GroupManifest) -> dict[str, Tensor]:
        return load_tensors(self.path / manifest.state_file, manifest.state_sha256)


def parse_manifest(value: object, file: Path) -> GroupManifest:
    """What GroupManifest.to_json gave.

    Raises:
        CheckpointError: It is something else.
    """
    try:
        assert isinstance(value, dict)
        table = dict(value)
        if table.pop("format") != RUN_FORMAT:
            raise CheckpointError(f"{file} has the format {value['format']}, this version reads {RUN_FORMAT}")
        epochs, averages = (tuple(EpochEntry(**entry) for entry in table.pop(key)) for key in ("epochs", "averages"))
        return GroupManifest(**table, epochs=epochs, averages=averages)
    except (AssertionError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{file} is damaged ({error}); restore it, or remove the folder to train the group again"
        ) from error
