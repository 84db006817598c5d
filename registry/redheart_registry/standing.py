"""Specs of installed packages that count whether active or not: signs, layers and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from redheart_core import ExplanationSpec, LayerSpec, PluginError, SignSpec
from redheart_core.contract.errors import join_complaints
from redheart_core.discovery.entries import Entry
from redheart_registry.installed import installed_plugins
from redheart_registry.loading import load_one

if TYPE_CHECKING:
    from redheart_core.models.limits import ActiveLayer

S = TypeVar("S")


@attrs.frozen
class Standing(Generic[S]):
    """All specs of one kind; no other plugin is imported."""

    specs: tuple[tuple[S, Entry], ...]
    """By name, each with its package."""
    broken: dict[str, str]
    """By name of a plugin, why it cannot be used."""

    def sound(self) -> tuple[S, ...]:
        """All of them, where each is needed.

        Raises:
            PluginError: One is broken; names all that are.
        """
        if len(self.broken) > 1:
            raise PluginError(join_complaints("some installed plugins cannot be used:", list(self.broken.values())))
        if self.broken:
            raise PluginError(next(iter(self.broken.values())))
        return tuple(spec for spec, _ in self.specs)


def added_signs() -> tuple[SignSpec, ...]:
    """Signs of a crisis that packages add.

    Raises:
        PluginError: One is broken: help is not given without what was added to it.
    """
    return _standing("signs", SignSpec).sound()


def installed_explanations() -> tuple[ExplanationSpec, ...]:
    """All explanations.

    Raises:
        PluginError: One is broken.
    """
    return _standing("explanation", ExplanationSpec).sound()


def installed_layers() -> tuple[tuple[ActiveLayer, ...], dict[str, str]]:
    """All layers of verification that can be used; and by name why others cannot, by distribution why packages that may
    have some cannot be imported."""
    found = _standing("layer", LayerSpec)
    packages = {one.entry.distribution: one.broken for one in installed_plugins().values() if not one.offer.kind}
    return _active(found), packages | found.broken


def broken_layers() -> dict[str, str]:
    """By name why layers cannot be used."""
    return _standing("layer", LayerSpec).broken


def sound_layers() -> tuple[ActiveLayer, ...]:
    """All layers, for a model that is assembled with each of them.

    Raises:
        PluginError: One is broken.
    """
    found = _standing("layer", LayerSpec)
    found.sound()
    return _active(found)


def _active(found: Standing[LayerSpec]) -> tuple[ActiveLayer, ...]:
    from redheart_core.models.limits import ActiveLayer  # signs are read before anything takes time

    return tuple(ActiveLayer(spec, entry.distribution, entry.version) for spec, entry in found.specs)


def _standing(kind: str, expected: type[S]) -> Standing[S]:
    specs, broken = list[tuple[S, Entry]](), dict[str, str]()
    for name, installed in installed_plugins().items():
        if installed.offer.kind != kind:
            continue
        try:
            plugin: Any = load_one(installed)
            if not isinstance(plugin.spec, expected):
                raise PluginError(f"plugin '{name}' is of kind {plugin.kind}, not {kind}")
            specs.append((plugin.spec, plugin.entry))
        except PluginError as error:
            broken[name] = str(error)
    return Standing(tuple(specs), broken)
