"""Options that all commands share which load plugins."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

if TYPE_CHECKING:
    from redheart_registry import Registry

Command = TypeVar("Command", bound=Callable[..., Any])


@attrs.frozen
class PluginChoice:
    """What --plugins, --enable, --disable and --set say."""

    plugins_toml: Path | None = None
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    def load(self, event_plugins: Sequence[object] = ()) -> Registry:
        """Load the active plugins.

        Args:
            event_plugins: Objects with event hooks, such as a progress display.
        """
        from redheart_registry import load_registry

        enable = self.enabled()
        if more := [name for name in enable if name not in self.enable]:
            click.echo(f"enabled too, since they are read: {', '.join(more)}", err=True)
        tracing = click.get_current_context().find_root().params.get("trace_hooks", False)
        return load_registry(
            self.plugins_toml,
            enable,
            self.disable,
            self.overrides,
            event_plugins,
            functools.partial(click.echo, err=True) if tracing else None,
        )

    def enabled(self) -> tuple[str, ...]:
        """The enabled plugins, and the nodes that they read unless they are active anyhow or disabled."""
        from redheart_registry import installed_plugins, sources
        from redheart_registry.plugins_toml import find_plugins_toml, parse_file

        if not self.enable:
            return ()
        installed = installed_plugins(self.enable)
        listed = parse_file(find_plugins_toml(self.plugins_toml)).get("active")  # load_registry checks its form
        known = {*self.disable, *(name for name in listed or () if isinstance(name, str))}
        names = dict.fromkeys(self.enable)
        for name in self.enable:
            if name in installed:
                names |= dict.fromkeys(other for other in sources(name) if other not in known)
        return tuple(names)


def plugin_options(command: Command) -> Command:
    """Add the options to a command, which gets them as the keyword argument choice: PluginChoice."""

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        plugins_toml: Path | None,
        enable: tuple[str, ...],
        disable: tuple[str, ...],
        overrides: tuple[str, ...],
        **kwargs: Any,
    ) -> Any:
        return command(*args, choice=PluginChoice(plugins_toml, enable, disable, overrides), **kwargs)

    options = [
        click.option(
            "--plugins",
            "plugins_toml",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The plugins.toml to use. [default: ./plugins.toml, else the one shipped with redheart]",
        ),
        click.option(
            "--enable",
            multiple=True,
            metavar="NAME",
            help="Add a plugin, and what it reads, to the active ones; repeatable.",
        ),
        click.option("--disable", multiple=True, metavar="NAME", help="Leave an active plugin out; repeatable."),
        click.option(
            "--set", "overrides", multiple=True, metavar="PLUGIN.KEY=VALUE", help="Change a setting; repeatable."
        ),
    ]
    result: Any = wrapped
    for option in reversed(options):
        result = option(result)
    return result  # type: ignore[no-any-return]  # click keeps the callable, only adds to it
