"""What an assembled model holds and whether it is whole, for people who did not make it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart.finding import find_model, shipped_model
from redheart.loading import load
from redheart.models import Model
from redheart.sessions import plugin_table
from redheart_core.models.manifest import ModelManifest, read_manifest
from redheart_core.storage.presence import require_model_folder
from redheart_registry import load_registry

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
    """Fields that it answers for a text in one of its languages that is within its limits; of a model of records
    without texts those that its manifest names."""
    missing: Mapping[str, str]
    """Groups that it does without, with the reason."""
    absent: Mapping[str, str]
    """Groups that cannot answer on this machine, likewise."""
    reads_texts: bool


def verify(model: str | Path | None = None) -> Verified:
    """Load a model, which compares every file with its recorded SHA-256, and let it answer a text if it reads texts.

    Args:
        model: As load.

    Raises:
        PluginError: As load.
        CheckpointError: As load.
    """
    loaded = load(model)
    manifest = read_manifest(loaded.folder)
    files = len(manifest.files) + len(loaded.assembled.engine.files)
    answers = _answered(loaded) if loaded.reads_texts else manifest.answers.keys()
    return Verified(
        loaded.title,
        files,
        len(manifest.checks),
        tuple(sorted(answers)),
        dict(loaded.missing),
        dict(loaded.absent),
        loaded.reads_texts,
    )


def _answered(model: Model) -> set[str]:
    bare = attrs.evolve(model, assembled=attrs.evolve(model.assembled, limits=()))  # of whatever texts it was made
    codes = model.assembled.languages or (None,)
    return {answer.field for code in codes for answer in bare.analyze(PROBE, language=code).answers}


@attrs.frozen
class Described:
    """A model, without its weights."""

    title: str
    meaning: str
    folder: Path
    manifest: ModelManifest
    absent: Mapping[str, str]
    """Groups that cannot answer on this machine, with the reason."""

    @property
    def megabytes(self) -> float:
        """Of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6


def describe(model: str | Path | None = None) -> Described:
    """What a model holds, as its manifest says.

    Args:
        model: As load.

    Raises:
        PluginError: As load.
        CheckpointError: There is no model, or its manifest is damaged.
    """
    from redheart_core.runs.describe import missing_resources

    folder, title = find_model(model)
    require_model_folder(folder)
    shipped = shipped_model(model)
    meaning = shipped.meaning if shipped is not None else "A model that redheart assembled."
    manifest = read_manifest(folder)
    nodes = load_registry(plugin_table(manifest.nodes)).nodes(manifest.training.scale)
    return Described(title, meaning, folder, manifest, missing_resources(nodes))


def card(model: str | Path | None = None) -> str:
    """The model card in Markdown; as describe."""
    from redheart_core.report.card import model_card

    found = describe(model)
    return model_card(found.folder, found.title, found.meaning)
