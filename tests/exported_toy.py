"""The toy run assembled and exported, once for all processes of a test session."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from toy import Toy
from trained_toy import Trained, trained_in

from redheart_core.models.assembly import assemble
from redheart_core.models.model import Model, load_model
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_export.inputs import inputs_of_validation
from redheart_export.writing import export_model

NAMES = ["a", "b", "high"]
"""Its groups."""


def assembled(trained: Trained, folder: Path) -> Model:
    """The model of the best epochs."""
    assemble(folder, trained.run, trained.context, find_sweetspot(trained.run, NAMES).chosen("best"))
    return load_model(folder, trained.context.nodes, torch.device("cpu"))


def export(trained: Trained, model: Model, folder: Path) -> None:
    """Export a model, compared on the validation records."""
    export_model(model, folder, inputs_of_validation(model, trained.context), "validation")


@pytest.fixture(scope="session")
def exported_once(shared: Path, trained_once: Path) -> Path:
    """A folder with "model" and its export, "onnx"; read only."""
    folder = shared / "exported_toy"
    with FileLock(shared / "exported_toy.lock"):
        if not (folder / "onnx").exists():
            trained = trained_in(Toy(shutil.copytree(trained_once, folder / "trained")))
            export(trained, assembled(trained, folder / "model"), folder / "making")
            (folder / "making").rename(folder / "onnx")
    return folder
