"""What an assembled model holds and whether it is whole, for people who did not make it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart.models import load
from redheart_core.models.manifest import read_manifest

PROBE = "My neighbour lent me her car, and I was glad of it."
"""What a model has to answer when it is verified."""


@attrs.frozen
class Verified:
    """A model of which every file is as recorded, and which answers."""

    title: str
    files: int
    checks: int
    """Groups whose recorded validation loss the assembled model reproduced."""
    answers: tuple[str, ...]
    """Fields that it answers for a text."""
    missing: Mapping[str, str]
    """Groups that it does without, with the reason."""


def verify(model: str | Path | None = None) -> Verified:
    """Load a model, which compares every file with its recorded SHA-256, and let it answer a text.

    Args:
        model: As load.

    Raises:
        PluginError: As load.
        CheckpointError: As load.
    """
    loaded = load(model)
    manifest = read_manifest(loaded.folder)
    files = len(manifest.files) + sum(len(group.files) for group in manifest.groups.values())
    answers = tuple(answer.field for answer in loaded.analyze(PROBE).answers)
    return Verified(loaded.title, files, len(manifest.checks), answers, dict(loaded.missing))
