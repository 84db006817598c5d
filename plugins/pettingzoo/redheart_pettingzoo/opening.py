"""From settings to an environment: its module, the arguments that it takes, and the instance."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from redheart_core import MissingResourceError, SettingsError
from redheart_pettingzoo.settings import PettingZooSettings

if TYPE_CHECKING:
    from redheart_pettingzoo.checked import CheckedEnvironment

OF_THE_EXTRA = ("gymnasium", "mpe2", "pettingzoo", "pygame")
"""Packages that the extra `agents` installs."""


def make(settings: PettingZooSettings) -> CheckedEnvironment:
    """The environment, with its answers checked.

    Raises:
        MissingResourceError: A package is not installed.
        SettingsError: There is no such environment, it does not take these arguments, or agents cannot learn in it.
    """
    module = module_of(settings.module)
    build = builder_of(module)
    check_arguments(settings, module, build)
    from redheart_pettingzoo.checked import CheckedEnvironment
    from redheart_pettingzoo.spaces import spaces_of

    try:
        environment = build(**settings.arguments)
    except Exception as error:
        raise SettingsError(
            f"pettingzoo: {settings.module}.parallel_env({_written(settings.arguments)}) fails with "
            f"{type(error).__name__}: {error}; correct arguments under [plugins.pettingzoo]"
        ) from error
    takes_continuous = "continuous_actions" in accepted(module, build)
    return CheckedEnvironment(environment, spaces_of(environment, settings, takes_continuous), settings)


def module_of(name: str) -> ModuleType:
    """Import an environment's module."""
    package = name.partition(".")[0]
    try:
        importlib.import_module("pettingzoo")
        importlib.import_module(package)
        found = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        absent = missing.name or name
        root = absent.partition(".")[0]
        if root in OF_THE_EXTRA and absent == root:
            raise MissingResourceError(
                f"pettingzoo: {name} needs the package {root}, which is not installed: pip install 'redheart[agents]'"
            ) from missing
        if absent == package or not name.startswith(absent):
            raise MissingResourceError(
                f"pettingzoo: {name} needs the package {absent}, which is not installed; install it, or name another "
                "module under [plugins.pettingzoo]"
            ) from missing
        raise SettingsError(f"pettingzoo: there is no module {absent}{_similar(absent)}") from missing
    except Exception as error:
        raise SettingsError(f"pettingzoo: importing {name} fails with {type(error).__name__}: {error}") from error
    return found


def builder_of(module: ModuleType) -> Callable[..., Any]:
    """The module's parallel_env."""
    build = vars(module).get("parallel_env")
    if not callable(build):
        raise SettingsError(
            f"pettingzoo: {module.__name__} has no function parallel_env, so it is no module of a parallel "
            "environment; name one that has, such as mpe2.simple_spread_v3"
        )
    function: Callable[..., Any] = build
    return function


def check_arguments(settings: PettingZooSettings, module: ModuleType, build: Callable[..., Any]) -> None:
    """Refuse arguments that the environment does not know, where it says which it knows."""
    known = accepted(module, build)
    unknown = [name for name in settings.arguments if name not in known]
    if unknown and None not in known:
        raise SettingsError(
            f"pettingzoo: {settings.module} has no argument {', '.join(unknown)} (arguments: "
            f"{', '.join(str(name) for name in known) or 'none'}); correct arguments under [plugins.pettingzoo]"
        )


def accepted(module: ModuleType, build: Callable[..., Any]) -> list[str | None]:
    """Names of an environment's arguments; None among them where it takes any.

    A parallel_env that hands everything on, as PettingZoo's converter of environments does, takes what raw_env takes.
    """
    kinds = inspect.Parameter
    for function in (build, vars(module).get("raw_env")):
        if function is None:
            continue
        parameters = inspect.signature(function).parameters.values()
        names: list[str | None] = [
            one.name for one in parameters if one.kind not in (kinds.VAR_KEYWORD, kinds.VAR_POSITIONAL)
        ]
        if all(one.kind is not kinds.VAR_KEYWORD for one in parameters):
            return names
    return [None]


def _similar(absent: str) -> str:
    """Modules of the same package with names like it."""
    parent = absent.rpartition(".")[0]
    siblings = [f"{parent}.{one.name}" for one in pkgutil.iter_modules(importlib.import_module(parent).__path__)]
    near = difflib.get_close_matches(absent, siblings, cutoff=0.7)
    return f"; do you mean {' or '.join(near)}?" if near else f" in {parent}"


def _written(arguments: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())
