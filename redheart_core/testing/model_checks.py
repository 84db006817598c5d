"""Checks of a trained model that a package brings; nothing is loaded."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core.models.manifest import read_manifest, verify_files
from redheart_core.testing.plugin import Plugin, require

WEIGHTS = (".safetensors", ".json")
"""What a model folder may hold: weights, vocabularies and manifests; neither programs nor records."""


@attrs.frozen
class ModelSubject:
    """A model of an installed package."""

    plugin: Plugin
    folder: Path


def check_files(subject: ModelSubject) -> None:
    """Every file is as the manifest records it, and the exactness of every group has been checked."""
    verify_files(subject.folder, read_manifest(subject.folder))


def check_contents(subject: ModelSubject) -> None:
    """The folder holds weights, vocabularies and manifests alone, and every group answers or says why not."""
    manifest = read_manifest(subject.folder)
    others = sorted(
        path.relative_to(subject.folder).as_posix()
        for path in subject.folder.rglob("*")
        if path.is_file() and path.suffix not in WEIGHTS
    )
    require(subject.plugin, not others, f"{subject.folder} holds {', '.join(others)}; leave out all but {WEIGHTS}")
    require(subject.plugin, bool(manifest.groups), f"{subject.folder} holds no group, so it answers nothing")
