"""Options that the commands of a memory share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from redheart_core.config.tables import MemorySettings

if TYPE_CHECKING:
    from redheart.memory import Memory

Command = TypeVar("Command", bound=Callable[..., Any])


def memory_options(command: Command) -> Command:
    """Add --memory, which the command gets as where: str, and --model."""
    options = [
        click.option("--memory", "where", default="", metavar="WHERE",
                     help="File, or postgresql://USER@HOST/DATABASE. [default: where under [memory]]"),
        click.option("--model", metavar="MODEL",
                     help="A model's folder or name, whose encoder makes the vectors. [default: the installed one]"),
    ]  # fmt: skip
    return cast(Command, _with(options, command))


def chosen_options(command: Command) -> Command:
    """Add the conditions, which the command gets as chosen: Filter."""

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        ids: tuple[str, ...],
        conditions: tuple[str, ...],
        languages: tuple[str, ...],
        sources: tuple[str, ...],
        since: str | None,
        before: str | None,
        **kwargs: Any,
    ) -> Any:
        from redheart.memory import choose

        chosen = choose(
            ids=ids, labels=conditions, languages=languages, sources=sources, since=since, before=before
        )  # fmt: skip
        return command(*args, chosen=chosen, **kwargs)

    options = [
        click.option("--id", "ids", multiple=True, help="Only this case; repeatable."),
        click.option("--label", "conditions", multiple=True, metavar="LABEL",
                     help="Only cases with FIELD, with FIELD.LABEL above 0, or FIELD.LABEL>=0.5; repeatable."),
        click.option("--language", "languages", multiple=True, metavar="CODE", help="Only in this; repeatable."),
        click.option("--source", "sources", multiple=True, metavar="NAME",
                     help="Only from this, such as a data set; repeatable."),
        click.option("--since", metavar="DATE", help="Only cases kept on or after this day or time (UTC)."),
        click.option("--before", metavar="DATE", help="Only cases kept before this day or time (UTC)."),
    ]  # fmt: skip
    return cast(Command, _with(options, wrapped))


def opened(where: str, model: str | None) -> Memory:
    """The memory that the options or plugins.toml name.

    Raises:
        UsageError: Neither names one.
    """
    from redheart.memory import open as open_memory

    place = where or memory_settings().where
    if not place:
        raise click.UsageError(
            'no memory is named, and none is kept unless one is: give --memory cases.db, or where = "cases.db" under '
            "[memory] in plugins.toml"
        )
    return open_memory(place, model)


def _with(options: list[Callable[[Any], Any]], command: Any) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


def memory_settings(plugins_toml: Path | None = None) -> MemorySettings:
    """The table [memory] of plugins.toml.

    Raises:
        SettingsError: It is wrong, or the file cannot be read.
    """
    from redheart_core.storage.settings import read_table
    from redheart_registry.plugins_toml import find_plugins_toml, parse_file

    path = find_plugins_toml(plugins_toml)
    return read_table(MemorySettings, parse_file(path).get("memory", {}), f"[memory] in {path}")
