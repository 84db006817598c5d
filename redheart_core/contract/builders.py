"""Functions of a spec that may be given by name, so that listing a plugin imports none of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import attrs

from redheart_core.contract.errors import PluginError

_PLACE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@attrs.frozen
class Builder:
    """A function that is imported when it is called."""

    place: str
    """As "package.module:function"."""
    plugin: str = ""
    """Name of the spec that holds it, for messages."""

    def __call__(self, *arguments: Any) -> Any:
        return self.resolve()(*arguments)

    def resolve(self) -> Callable[..., Any]:
        """The function.

        Raises:
            PluginError: The place has another form, its module cannot be imported, or there is no such function.
        """
        what = f"plugin '{self.plugin}': the builder '{self.place}'"
        if not _PLACE.fullmatch(self.place):
            raise PluginError(f'{what} has to be written as "package.module:function"')
        module_name, _, name = self.place.partition(":")
        try:
            module = import_module(module_name)
        except Exception as error:  # a plugin's module may raise anything; the error names the plugin
            raise PluginError(f"{what} cannot be imported: {type(error).__name__}: {error}") from error
        function = vars(module).get(name)
        if not callable(function):
            raise PluginError(f"{what} is missing; module {module_name} has no function '{name}'")
        return function  # type: ignore[no-any-return] # what a module holds has no type


def to_function(given: Callable[..., Any] | str) -> Callable[..., Any]:
    """Makes a spec's function callable, however it is given."""
    return Builder(given) if isinstance(given, str) else given


def name_builders(spec: Any) -> None:
    """Tell a new spec's builders whose they are."""
    for field in attrs.fields(type(spec)):
        value = getattr(spec, field.name)
        if isinstance(value, Builder):
            object.__setattr__(spec, field.name, attrs.evolve(value, plugin=spec.name))
