"""Which folder a model's name, or no name, stands for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    from redheart_registry.models import ShippedModel


def find_model(model: str | Path | None) -> tuple[Path, str]:
    """The folder of a model and what it is called, as load finds it.

    Raises:
        PluginError: No model is named, and none is installed or several are.
        CheckpointError: A package does not hold the folder that it declares.
    """
    shipped = shipped_model(model)
    if shipped is not None:
        return shipped.folder, shipped.title
    folder = find_path(model or "")
    return folder, str(folder)


def shipped_model(model: str | Path | None) -> ShippedModel | None:
    """The installed model that load takes; None of a folder.

    Raises:
        PluginError: No model is named, and none is installed or several are.
        CheckpointError: A package does not hold the folder that it declares.
    """
    from redheart_registry import models

    if model is None:
        return models.default_model()
    if find_path(model).exists() or not models.is_model_name(str(model)):
        return None
    return models.find_model(str(model))
