"""A layer or explanation that is broken is an error by name where it is used, and is listed; all else goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from plugin_sources import Install
from trained_toy import Trained

from redheart_core import CheckpointError, PluginError
from redheart_core.models.assembly import assemble
from redheart_core.models.limits import ActiveLayer
from redheart_core.models.model import Model, load_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_registry.report import list_plugins
from redheart_registry.standing import broken_layers, installed_explanations, installed_layers, sound_layers

LAYER = """
import numpy as np
from redheart_core import LayerSpec, hookimpl

@hookimpl
def redheart_provide_layers():
    return [LayerSpec(
        name="limit_of_stars", meaning="what the stars say", reason="the stars are against it", minimum_core="{needs}",
        score=lambda _, texts: np.zeros(len(texts.texts)),
    )]
"""
EXPLANATION = """
from redheart_core import ExplanationSpec, hookimpl

@hookimpl
def redheart_provide_explanations():
    return [ExplanationSpec(
        name="reasons_of_stars", meaning="by the stars", heading="stars", explain=lambda text: [], minimum_core="99",
    )]
"""


def assembled(trained: Trained, folder: Path) -> Path:
    """A model with all layers that are installed."""
    chosen = find_sweetspot(trained.run, trained_groups(trained.run)).chosen("best")
    assemble(folder, trained.run, trained.context, chosen, layers=sound_layers())
    return folder


def opened(trained: Trained, folder: Path) -> Model:
    return load_model(folder, trained.context.nodes, torch.device("cpu"), *installed_layers())


def test_a_broken_layer_that_a_model_needs_not_is_passed_over_and_reported(
    install: Install, trained: Trained, tmp_path: Path
) -> None:
    folder = assembled(trained, tmp_path / "model")
    install("stars", LAYER.format(needs="99"))
    assert {layer.spec.name for layer in opened(trained, folder).limits} == {
        layer.spec.name for layer in sound_without_stars()
    }
    assert list(broken_layers()) == ["limit_of_stars"]
    (row,) = [row for row in list_plugins() if row.name == "limit_of_stars"]
    assert "needs redheart 99 or newer" in row.broken


def sound_without_stars() -> list[ActiveLayer]:
    return [one for one in installed_layers()[0] if one.spec.kind != "context"]


def test_a_model_is_not_assembled_without_a_layer_that_is_broken(install: Install) -> None:
    install("stars", LAYER.format(needs="99"))
    with pytest.raises(PluginError, match=r"plugin 'limit_of_stars'.* needs redheart 99 or newer"):
        sound_layers()


def test_a_broken_layer_that_a_model_needs_is_named(install: Install, trained: Trained, tmp_path: Path) -> None:
    install("stars", LAYER.format(needs="0.1"))
    folder = assembled(trained, tmp_path / "model")
    assert "limit_of_stars" in {layer.spec.name for layer in opened(trained, folder).limits}
    source = tmp_path / "fake_stars.py"
    source.write_text(LAYER.format(needs="99"))
    with pytest.raises(PluginError, match=r"the layer 'limit_of_stars', which cannot be used: .* needs redheart 99"):
        reopened(trained, folder)
    source.write_text("import nothing_at_all")
    with pytest.raises(PluginError, match=r"'limit_of_stars', which cannot be used: .*No module named 'nothing_"):
        reopened(trained, folder)
    for file in (tmp_path / "fake_stars-1.5.dist-info").iterdir():
        file.unlink()
    (tmp_path / "fake_stars-1.5.dist-info").rmdir()
    with pytest.raises(CheckpointError, match=r"'limit_of_stars', which is not installed; install fake-stars==1\.5"):
        reopened(trained, folder)


def reopened(trained: Trained, folder: Path) -> Model:
    """As another process opens it."""
    sys.modules.pop("fake_stars", None)
    return opened(trained, folder)


def test_an_explanation_that_is_broken_is_named_where_reasons_are_asked_for(install: Install) -> None:
    assert "reasons_by_sentence" in {one.name for one in installed_explanations()}
    install("stars", EXPLANATION)
    with pytest.raises(PluginError, match=r"plugin 'reasons_of_stars'.* needs redheart 99 or newer"):
        installed_explanations()
