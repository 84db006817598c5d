"""Whether every file that a model, or a run with its store and its models, names is there and as recorded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from redheart_core.data.index import STORE_INDEX
from redheart_core.models.manifest import read_manifest, verify_files
from redheart_core.runs.verifying import Found, verify_own_files
from redheart_core.storage.files import check_sha256


def verify_run(run: Path) -> Found:
    """Every file that a run names: of its groups, its store, and the models below it."""
    found = Found()
    description = verify_own_files(run, found)
    if description is None:
        return found
    verify_store(run / description.data.store, found)
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


def verify_store(store: Path, found: Found | None = None) -> Found:
    """Every file that an embedding store names."""
    found = Found() if found is None else found
    if not found.check(lambda: STORE_INDEX.read(store / "index.json")):
        return found
    for name, entry in STORE_INDEX.read(store / "index.json").files.items():
        found.check(lambda name=name, entry=entry: check_sha256(store / name, entry.sha256))  # type: ignore[misc] # as above
    return found
