"""Whether every file that a run or a model names is there and as recorded, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.data.index import STORE_INDEX
from redheart_core.models.manifest import read_manifest, verify_files
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.description import RUN_DESCRIPTION
from redheart_core.runs.retention import references
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import check_sha256
from redheart_core.storage.sealed import read_sealed, read_sealed_lines

_REMEDY = "restore it from a copy, or run the command that wrote it again"
OTHER_FILES = ("audit", "evaluation", "inspection", "rivals", "sweep", "sweetspot")
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


def verify_run(run: Path) -> Found:
    """Every file that a run names: of its groups, its store, and the models below it."""
    found = Found()
    if not found.check(lambda: RUN_DESCRIPTION.read(run / "run.json")):
        return found
    description = RUN_DESCRIPTION.read(run / "run.json")
    for name in OTHER_FILES:
        file = run / f"{name}.json"
        if file.exists():
            found.check(lambda file=file: read_sealed(file, _REMEDY))  # type: ignore[misc] # bound at once
    for name in ("events.jsonl", "test_reads.jsonl"):
        found.check(lambda name=name: read_sealed_lines(run / name, _REMEDY))  # type: ignore[misc] # as above
    for name, sha in description.starts.items():
        found.check(lambda name=name, sha=sha: check_sha256(RunFolder(run).start_file(name), sha))  # type: ignore[misc] # as above
    for name in description.groups:
        _verify_group(found, run, name)
    _verify_store(found, run / description.data.store)
    for folder in sorted(run.iterdir()):
        if (folder / "manifest.json").exists():
            verify_model(folder, found=found)
    return found


def verify_model(folder: Path, answering: Mapping[str, str] | None = None, found: Found | None = None) -> Found:
    """Every file that a model names, and that there are no others.

    Args:
        folder: Of the model.
        answering: Graphs and weights that an exported model answers by, with their SHA-256.
        found: What is known already.
    """
    found = Found() if found is None else found
    if found.check(lambda: read_manifest(folder)):
        manifest = read_manifest(folder)
        if found.check(lambda: verify_files(folder, manifest, answering)):
            named = manifest.files if answering is None else {**manifest.files, **answering}
            found.files += len(named) - 1
    return found


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
    raise CheckpointError(f"{file} is missing; {_REMEDY}")


def _verify_store(found: Found, store: Path) -> None:
    if not found.check(lambda: STORE_INDEX.read(store / "index.json")):
        return
    for name, entry in STORE_INDEX.read(store / "index.json").files.items():
        found.check(lambda name=name, entry=entry: check_sha256(store / name, entry.sha256))  # type: ignore[misc] # as above
