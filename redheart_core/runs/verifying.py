"""Whether every file that a run names of itself is there and as recorded, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.description import RUN_DESCRIPTION, RunDescription
from redheart_core.runs.retention import references
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import check_sha256
from redheart_core.storage.sealed import read_sealed, read_sealed_lines

REMEDY = "restore it from a copy, or run the command that wrote it again"
OTHER_FILES = ("audit", "episode", "evaluation", "inspection", "rivals", "sweep", "sweetspot", "team_test", "teams")
"""Sealed files that commands write beside run.json."""


@attrs.define
class Found:
    """What verification of a run or a model has found."""

    files: int = 0
    """That are as recorded."""
    damaged: list[str] = attrs.field(factory=list)
    """What is damaged or missing, with its path."""
    groups: set[str] = attrs.field(factory=set)
    """Groups of a run with something damaged among it; what redheart repair is about."""

    def check(self, look: Callable[[], object], group: str | None = None) -> bool:
        """Look at a file; whether it is as recorded."""
        try:
            look()
        except RedheartError as error:
            self.damaged.append(str(error))
            if group is not None:
                self.groups.add(group)
            return False
        self.files += 1
        return True


def verify_own_files(run: Path, found: Found) -> RunDescription | None:
    """What every run has: its description, results and log, and its groups; None if the description is damaged."""
    if not found.check(lambda: RUN_DESCRIPTION.read(run / "run.json")):
        return None
    description = RUN_DESCRIPTION.read(run / "run.json")
    for name in OTHER_FILES:
        file = run / f"{name}.json"
        if file.exists():
            found.check(lambda file=file: read_sealed(file, REMEDY))  # type: ignore[misc] # bound at once
    for name in ("events.jsonl", "test_reads.jsonl"):
        found.check(lambda name=name: read_sealed_lines(run / name, REMEDY))  # type: ignore[misc] # as above
    for name, sha in description.starts.items():
        found.check(lambda name=name, sha=sha: check_sha256(RunFolder(run).start_file(name), sha))  # type: ignore[misc] # as above
    for name in description.groups:
        _verify_group(found, run, name)
    return description


def _verify_group(found: Found, run: Path, name: str) -> None:
    folder = GroupFolder(run, name)
    if not folder.manifest_file.exists() and folder.path.exists():
        found.check(lambda: _missing(folder.manifest_file), name)
        return
    if not folder.manifest_file.exists() or not found.check(folder.read, name):
        return
    manifest = folder.read()
    for file, sha in sorted(manifest.digests.items()):
        found.check(lambda file=file, sha=sha: check_sha256(folder.path / file, sha), name)  # type: ignore[misc] # as above

    def referred() -> None:
        newest = manifest.epochs[-1].epoch if manifest.epochs else 0
        for epoch in references(run).get(name, ()):
            if manifest.status == "running" and epoch > newest:  # it was repaired, and comes back with the training
                continue
            if manifest.entry(epoch) is None:
                raise CheckpointError(f"{folder.path} holds no epoch {epoch}, which a model is made of")

    found.check(referred, name)


def _missing(file: Path) -> None:
    raise CheckpointError(f"{file} is missing; {REMEDY}")
