"""Whether every file that a model, or a run with its store and its models, names is there and as recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from redheart_core.data.index import STORE_INDEX
from redheart_core.models.manifest import read_manifest, verify_files
from redheart_core.runs.verifying import Found, verify_own_files
from redheart_core.storage.files import check_sha256

AnsweringFiles: TypeAlias = Callable[[Path], Mapping[str, str] | None]
"""Of a model folder the graphs and weights that an exported model answers by, with their SHA-256; None of any other."""


def verify_run(run: Path, answering: AnsweringFiles) -> Found:
    """Every file that a run names: of its groups, its store, and the models below it."""
    found = Found()
    description = verify_own_files(run, found)
    if description is None:
        return found
    verify_store(run / description.data.store, found)
    for folder in sorted(run.iterdir()):
        if (folder / "manifest.json").exists():
            verify_model(folder, answering, found)
    return found


def verify_model(folder: Path, answering: AnsweringFiles, found: Found | None = None) -> Found:
    """Every file that a model names, and that there are no others.

    Args:
        folder: Of the model.
        answering: Says what it answers by where it was exported.
        found: What is known already.
    """
    found = Found() if found is None else found
    if found.check(lambda: read_manifest(folder)) and found.check(lambda: answering(folder)):
        manifest, files = read_manifest(folder), answering(folder)
        if found.check(lambda: verify_files(folder, manifest, files)):
            named = manifest.files if files is None else {**manifest.files, **files}
            found.files += len(named) - 1
    return found


def verify_store(store: Path, found: Found | None = None) -> Found:
    """Every file that an embedding store names."""
    found = Found() if found is None else found
    if not found.check(lambda: STORE_INDEX.read(store / "index.json")):
        return found
    for name, entry in STORE_INDEX.read(store / "index.json").files.items():
        found.check(lambda name=name, entry=entry: check_sha256(store / name, entry.sha256))  # type: ignore[misc] # as above
    return found
