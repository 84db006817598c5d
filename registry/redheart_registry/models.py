"""Trained models that installed packages bring, found by name; no other plugin is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from redheart_core import CheckpointError, ModelSpec, PluginError
from redheart_core.discovery.entries import names
from redheart_core.storage.packaged import packaged_path
from redheart_registry.installed import Installed, broken_packages, installed_plugins
from redheart_registry.loading import load_one

_EXTRA = "pip install 'redheart[ready]' brings what the model ready needs; redheart run trains one of your own"


@attrs.frozen
class ShippedModel:
    """A model of an installed package."""

    name: str
    meaning: str
    distribution: str
    version: str
    folder: Path
    compares: bool = False
    """See ModelSpec."""

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.name} ({self.distribution} {self.version})"


def shipped_models() -> tuple[ShippedModel, ...]:
    """All of them, by name.

    Raises:
        PluginError: One is broken.
        CheckpointError: A package does not hold the folder that it declares.
    """
    installed = installed_plugins()
    return tuple(_open(installed[name]) for name in _model_names(installed))


def find_model(name: str) -> ShippedModel:
    """The model of that name.

    Raises:
        PluginError: It is not installed, is no model, or is broken.
        CheckpointError: The package does not hold the folder that it declares.
    """
    installed = installed_plugins([name])
    if name not in installed:
        raise PluginError(f"there is no model '{name}' (models: {names(_model_names(installed))})")
    return _open(installed[name])


def default_model() -> ShippedModel:
    """The one that answers texts where no model is named.

    Raises:
        PluginError: None is installed, or several are.
        CheckpointError: The package does not hold the folder that it declares.
    """
    installed = installed_plugins()
    found = _model_names(installed)
    if not found:
        reasons = broken_packages(installed.values())
        raise PluginError("\n".join([f"no model is named and none is installed; {_EXTRA}", *reasons]))
    return _only([_open(installed[name]) for name in found], compares=False)


def default_preferences() -> ShippedModel | None:
    """The one that compares acts where no model is named; None if none is installed.

    Raises:
        PluginError: Several are.
        CheckpointError: The package does not hold the folder that it declares.
    """
    installed = installed_plugins()
    found = [_open(installed[name]) for name in _model_names(installed)]
    return _only(found, compares=True) if any(model.compares for model in found) else None


def _only(models: Sequence[ShippedModel], *, compares: bool) -> ShippedModel:
    """The one of the models that answers texts, or that compares acts."""
    chosen = [model for model in models if model.compares == compares]
    if not chosen:
        raise PluginError(f"no model is named and none that is installed answers texts; {_EXTRA}")
    if len(chosen) > 1:
        several = names(model.name for model in chosen)
        raise PluginError(f"no model is named and several are installed: {several}; name one of them")
    return chosen[0]


def is_model_name(name: str) -> bool:
    """Whether an installed model is called so."""
    return name in _model_names(installed_plugins())


def _model_names(installed: dict[str, Installed]) -> list[str]:
    return [name for name, plugin in installed.items() if plugin.offer.kind == "model"]


def _open(installed: Installed) -> ShippedModel:
    plugin = load_one(installed)
    if not isinstance(plugin.spec, ModelSpec):
        raise PluginError(f"plugin '{plugin.name}' is of kind {plugin.kind}, not a model")
    folder = packaged_path(plugin.spec.folder, CheckpointError)
    spec, entry = plugin.spec, plugin.entry
    return ShippedModel(plugin.name, spec.meaning, entry.distribution, entry.version, folder, spec.compares)
