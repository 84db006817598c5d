"""A folder of runs as pages and routes read it: which runs there are, and where their bytes are. Nothing is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.evaluation.results import EVALUATION, Evaluation
from redheart_core.runs.read_status import read_status
from redheart_core.runs.status import RunStatus
from redheart_core.selection.rivals import RIVALS, Rivals
from redheart_core.selection.sweetspot import SWEETSPOT, Sweetspot
from redheart_core.storage.sealed import SealedFile
from redheart_server.problems import ProblemError

T = TypeVar("T")


@attrs.frozen
class FoundRun:
    """One run in the folder."""

    name: str
    status: RunStatus | None
    """None of a damaged run."""
    damage: str
    """What is wrong with it; empty if nothing is."""
    changed: datetime
    """When its newest event was written, or when it began."""


def run_paths(folder: Path) -> dict[str, Path]:
    """Name to run: the folders that hold one; the folder itself if it is a run."""
    if (folder / "run.json").exists():
        return {folder.resolve().name: folder}
    return {path.name: path for path in sorted(folder.iterdir()) if (path / "run.json").exists()}


def find_run(folder: Path, name: str) -> Path:
    """A run by its name.

    Raises:
        ProblemError: There is none of that name.
    """
    found = run_paths(folder)
    if name not in found:
        raise ProblemError(404, f"there is no run {name!r:.60} here (runs: {', '.join(found) or 'none'})")
    return found[name]


def read_run(name: str, path: Path) -> FoundRun:
    """How far a run is; what is wrong with a damaged one."""
    events = path / "events.jsonl"
    changed = datetime.fromtimestamp((events if events.exists() else path / "run.json").stat().st_mtime, UTC)
    try:
        return FoundRun(name, read_status(path, datetime.now(UTC)), "", changed)
    except CheckpointError as error:
        return FoundRun(name, None, str(error), changed)


def read_runs(folder: Path) -> list[FoundRun]:
    """All runs, the one with the newest event first."""
    found = [read_run(name, path) for name, path in run_paths(folder).items()]
    return sorted(found, key=lambda run: run.changed, reverse=True)


@attrs.frozen
class Choices:
    """What was chosen among the epochs of a run and what it is worth; None for what was not computed, or is damaged."""

    sweetspot: Sweetspot | None
    rivals: Rivals | None
    evaluation: Evaluation | None
    damages: tuple[str, ...]
    """What is wrong with a damaged file."""

    @property
    def methods(self) -> list[tuple[str, tuple[float, float | None]]]:
        """Method to mean difference from the plain selection and its standard error, the best one first."""
        return [] if self.rivals is None else sorted(self.rivals.sums.items(), key=lambda pair: pair[1][0])


def read_choices(path: Path) -> Choices:
    """What a run says of its choices; damage of one file hides nothing else."""
    damages: list[str] = []

    def read(file: SealedFile[T], name: str) -> T | None:
        try:
            return file.read_if_there(path / name)
        except CheckpointError as error:
            damages.append(str(error))
            return None

    return Choices(
        read(SWEETSPOT, "sweetspot.json"), read(RIVALS, "rivals.json"), read(EVALUATION, "evaluation.json"),
        tuple(damages),
    )  # fmt: skip


def bytes_by_part(path: Path) -> Mapping[str, int]:
    """What stands directly in a folder to its bytes on disk, the largest first; a file with several names counts once.

    A training removes files while they are counted; those count as nothing.
    """
    seen: set[tuple[int, int]] = set()
    found: dict[str, int] = {}
    for part in sorted(path.iterdir()):
        files = (
            [part] if part.is_file() else [Path(place) / name for place, _, names in os.walk(part) for name in names]
        )
        found[part.name] = sum(_bytes(file, seen) for file in files)
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def free_bytes(path: Path) -> int:
    """On the disk of a folder."""
    return shutil.disk_usage(path).free


def _bytes(file: Path, seen: set[tuple[int, int]]) -> int:
    try:
        stat = file.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0
    if (stat.st_dev, stat.st_ino) in seen:
        return 0
    seen.add((stat.st_dev, stat.st_ino))
    return stat.st_size
