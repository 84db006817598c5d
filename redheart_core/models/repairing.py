"""Damaged groups of a run begin again, and nothing else of it is touched."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import attrs

from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.storage.files import make_folder, sync, writing
from redheart_core.storage.locks import locked_groups

ASIDE = "damaged"
"""Folder of a run with what repairs have moved aside."""


@attrs.frozen
class Moved:
    """A group that begins again."""

    group: str
    aside: Path
    """Where its files are now."""


def repair_groups(run: Path, groups: Collection[str]) -> list[Moved]:
    """Move damaged groups aside, so that the next training begins them again.

    A group keeps the optimizer state of its newest epoch alone, so there is none to go on from an earlier one: it goes
    back to its beginning. Training is deterministic: its epochs come out with the same bits, which groups above need.

    Raises:
        FileError: Another process trains one of the groups, or the disk fails.
    """
    moved = []
    with locked_groups(run, groups):
        make_folder(run / ASIDE)
        for group in sorted(groups):
            aside = _free(run / ASIDE, group)
            with writing(aside):
                os.rename(GroupFolder(run, group).path, aside)
            moved.append(Moved(group, aside))
        for folder in (run / ASIDE, run / "groups"):
            sync(folder)
    return moved


def _free(folder: Path, group: str) -> Path:
    """A name that nothing has."""
    number = 1
    while (folder / f"{group}-{number}").exists():
        number += 1
    return folder / f"{group}-{number}"
