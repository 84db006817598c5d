"""Damaged groups of a run go back to their last good epoch, and nothing else of it is touched."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import FILE_NAME, EpochEntry, GroupManifest, StateFile
from redheart_core.runs.retention import references
from redheart_core.storage.files import check_sha256, make_folder, sync, writing
from redheart_core.storage.locks import locked_groups
from redheart_core.storage.placing import place

ASIDE = "damaged"
"""Folder of a run with what repairs have moved aside."""


@attrs.frozen
class Moved:
    """A group that goes back."""

    group: str
    aside: Path
    """Where its damaged files and those of later epochs are now, with its manifest as it was."""
    epoch: int | None
    """From which it goes on; None if it begins again."""
    lost: int
    """The newest epoch that it had; 0 if its manifest is damaged, so that nobody knows."""

    @property
    def said(self) -> str:
        """For people."""
        where = f"its files are in {self.aside}"
        if self.epoch is None:
            return f"{self.group} begins again; {where}"
        if self.epoch == self.lost:
            return f"{self.group} keeps its {self.epoch} epochs without an optimizer state that no one needs; {where}"
        return f"{self.group} goes back from epoch {self.lost} to epoch {self.epoch}; {where}"


def repair_groups(run: Path, groups: Collection[str]) -> list[Moved]:
    """Move what is damaged of some groups aside, with all epochs after it, so that the next training goes on before it.

    A group goes back to the newest epoch that is whole with its optimizer state and before which all that is kept is
    whole. Without one it begins again. Training is deterministic: its epochs come out with the same bits, which groups
    above and models need.

    Raises:
        FileError: Another process trains one of the groups, or the disk fails.
    """
    with locked_groups(run, groups):
        make_folder(run / ASIDE)
        moved = [_repair(GroupFolder(run, group), _free(run / ASIDE, group)) for group in sorted(groups)]
        for folder in (run / ASIDE, run / "groups"):
            sync(folder)
    return moved


def _repair(folder: GroupFolder, aside: Path) -> Moved:
    try:
        manifest = folder.read()
    except CheckpointError:  # the very damage
        manifest = GroupManifest(folder.group, "running")
    back, newest = good_epoch(folder, manifest), max((entry.epoch for entry in manifest.epochs), default=0)
    if back is None:
        with writing(aside):
            os.rename(folder.path, aside)
        return Moved(folder.group, aside, None, newest)
    shorter = manifest if back == newest else attrs.evolve(manifest, status="running", reason="")
    shorter = attrs.evolve(
        shorter,
        epochs=tuple(_without_bad_state(folder, entry) for entry in manifest.epochs if entry.epoch <= back),
        averages=tuple(entry for entry in manifest.averages if entry.epoch <= back),
    )
    make_folder(aside)
    place(folder.manifest_file, aside / folder.manifest_file.name, link=False)
    for path in sorted(folder.path.iterdir()):
        if FILE_NAME.fullmatch(path.name) and path.name not in shorter.files:
            with writing(aside):
                os.rename(path, aside / path.name)
    sync(aside)
    folder.write(shorter)
    return Moved(folder.group, aside, back, newest)


def good_epoch(folder: GroupFolder, manifest: GroupManifest) -> int | None:
    """The newest epoch from which training can go on to all that is damaged or missing; None for the beginning."""
    if manifest.fitted or not manifest.epochs:
        return None
    there, newest = {entry.epoch for entry in manifest.epochs}, manifest.epochs[-1].epoch
    lost = [epoch for epoch in references(folder.run).get(folder.group, ()) if epoch <= newest and epoch not in there]
    for entry in manifest.candidates:
        files = [StateFile(entry.file, entry.sha256), StateFile(entry.losses_file, entry.losses_sha256)]
        if not all(_whole(folder, file) for file in files):
            lost.append(entry.epoch)
    for entry in reversed(manifest.epochs):
        ready = entry.epoch == 0 if entry.state is None else _whole(folder, entry.state)
        if ready and entry.epoch < min(lost, default=newest + 1):
            return entry.epoch
    return None


def _without_bad_state(folder: GroupFolder, entry: EpochEntry) -> EpochEntry:
    """A damaged state before the epoch from which a group goes on is of no use."""
    return entry if entry.state is None or _whole(folder, entry.state) else attrs.evolve(entry, state=None)


def _whole(folder: GroupFolder, file: StateFile) -> bool:
    """Whether a file is as recorded."""
    try:
        check_sha256(folder.path / file.file, file.sha256)
    except CheckpointError:  # the very question
        return False
    return True


def _free(folder: Path, group: str) -> Path:
    """A name that nothing has."""
    number = 1
    while (folder / f"{group}-{number}").exists():
        number += 1
    return folder / f"{group}-{number}"
