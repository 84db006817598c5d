"""How the checks complain about a plugin."""

from __future__ import annotations

from redheart_core.contract.errors import RedheartError
from redheart_core.discovery.offers import Kind, Plugin

__all__ = ["ConformanceError", "Kind", "NotApplicable", "Plugin", "require"]


class ConformanceError(RedheartError, AssertionError):
    """A plugin breaks its contract; the message names it and says what was expected and what came."""


class NotApplicable(Exception):  # noqa: N818 # nothing is wrong when it is raised
    """A check has nothing to look at in this plugin; the message says why."""


def require(plugin: Plugin, holds: bool, complaint: str) -> None:
    """Raise a ConformanceError that names the plugin unless something holds."""
    if not holds:
        raise ConformanceError(f"plugin '{plugin.name}': {complaint}")
