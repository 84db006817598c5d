"""Whether a model folder was exported, and the engine of one that was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from redheart_core.contract.errors import CheckpointError
from redheart_core.models.manifest import ModelManifest, manifest_sha256, read_manifest
from redheart_core.storage.files import sha256
from redheart_export.manifest import EXPORT_FILE, EXPORT_MANIFEST, ExportManifest, files_of

if TYPE_CHECKING:
    from redheart_export.engine import OnnxEngine


def exported_engine(folder: Path, manifest: ModelManifest) -> OnnxEngine | None:
    """What computes the groups of an exported model; None of a folder that was not exported.

    Raises:
        CheckpointError: Its export.json is damaged or belongs to another model.
        MissingResourceError: ONNX Runtime is not installed.
    """
    exported = _read(folder)
    if exported is None:
        return None
    from redheart_export.engine import OnnxEngine

    return OnnxEngine(folder, manifest, exported)


def _read(folder: Path) -> ExportManifest | None:
    file = folder / EXPORT_FILE
    exported = EXPORT_MANIFEST.read_if_there(file)
    if exported is not None and exported.model_sha256 != manifest_sha256(folder):
        raise CheckpointError(f"{file} belongs to another manifest.json; export the model again with redheart export")
    return exported


def answering_sha256(folder: Path) -> str:
    """SHA-256 that stands for all that a model answers by: of export.json where it was exported, else of manifest.json.

    Raises:
        CheckpointError: There is no model.
    """
    exported = folder / EXPORT_FILE
    return sha256(exported) if exported.exists() else manifest_sha256(folder)


def require_weights(folder: Path, instead: str) -> None:
    """Refuse an export where the weights of a model's groups are needed, which its graphs do not give.

    Args:
        folder: Of the model.
        instead: What to do.

    Raises:
        CheckpointError: It was exported.
    """
    if (folder / EXPORT_FILE).exists():
        raise CheckpointError(f"{folder} was exported; {instead}")


def exported_files(folder: Path) -> Mapping[str, str] | None:
    """The graphs and weights that an exported model answers by, with their SHA-256; None if it was not exported.

    Raises:
        CheckpointError: As exported_engine.
    """
    exported = _read(folder)
    return None if exported is None else files_of(read_manifest(folder), exported)
