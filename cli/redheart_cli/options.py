"""Options that all commands share which load plugins."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from redheart.options import PluginChoice
from redheart_cli.paths import UserPath

Command = TypeVar("Command", bound=Callable[..., Any])


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
        tracing = click.get_current_context().find_root().params.get("trace_hooks", False)
        trace = functools.partial(click.echo, err=True) if tracing else None
        return command(*args, choice=PluginChoice(plugins_toml, enable, disable, overrides, trace), **kwargs)

    options = [
        click.option(
            "--plugins",
            "plugins_toml",
            type=UserPath(),
            metavar="FILE",
            help="The plugins.toml to use. [default: ./plugins.toml, else the one shipped with redheart]",
        ),
        click.option(
            "--enable",
            multiple=True,
            metavar="NAME",
            help="Add a plugin, and what it reads, to the active ones; repeatable.",
        ),
        click.option(
            "--disable",
            multiple=True,
            metavar="NAME",
            help="Leave an active plugin out; all: every node that plugins.toml lists; repeatable.",
        ),
        click.option(
            "--set", "overrides", multiple=True, metavar="PLUGIN.KEY=VALUE", help="Change a setting; repeatable."
        ),
    ]
    result: Any = wrapped
    for option in reversed(options):
        result = option(result)
    return result  # type: ignore[no-any-return]  # click keeps the callable, only adds to it
