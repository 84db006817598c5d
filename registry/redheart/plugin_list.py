"""What is installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redheart_registry.report import PluginRow


def plugins(
    plugins: str | Path | None = None, enable: str | Iterable[str] = (), disable: str | Iterable[str] = ()
) -> list[PluginRow]:
    """All installed plugins, the active ones first: kind, checkpoint group, package, and why one is broken.

    Examples:
        >>> next(row.kind for row in plugins() if row.name == "village")
        'dataset'
    """
    from redheart.options import PluginChoice
    from redheart_registry.report import list_plugins

    choice = PluginChoice.of(plugins, enable, disable)
    return list_plugins(choice.plugins_toml, choice.enable, choice.disable)
