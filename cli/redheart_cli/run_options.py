"""Options that the commands share which prepare data, train or look at a run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs
import click

from redheart.options import RunOptions
from redheart_cli.paths import UserPath
from redheart_core import SCALES

Command = TypeVar("Command", bound=Callable[..., Any])


def _all(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


json_option = _all(click.option("--json", "as_json", is_flag=True, help="Print one JSON document."))

data_options = _all(
    click.option("--data", "dataset", metavar="NAME", help="The data set plugin. [default: that of plugins.toml]"),
    click.option(
        "--encoder",
        metavar="NAME",
        help="The encoder plugin, or several joined by a plus. [default: that of plugins.toml]",
    ),
)

groups_option = _all(
    click.option(
        "--groups",
        "groups_file",
        type=UserPath(),
        metavar="FILE",
        help="Tables [groups.NAME] that change those of plugins.toml, such as the groups.toml of a sweep.",
    )
)

start_option = _all(
    click.option(
        "--start-from",
        metavar="MODEL",
        help="Folder or name of a model at whose weights groups begin that it has too, instead of at random ones.",
    )
)

_new_run = _all(
    click.option(
        "-o",
        "--output",
        type=UserPath(),
        metavar="RUN",
        help="Folder of the run. [default: runs/DATASET]",
    ),
    click.option("--store", type=UserPath(), help="Folder of the embedding store. [default: RUN/store]"),
    data_options,
    click.option("--scale", type=click.Choice(SCALES), help="Size of all modules. [default: that of plugins.toml]"),
    click.option("--epochs", type=click.IntRange(min=1), help="Of every group. [default: that of plugins.toml]"),
    click.option(
        "--seed", type=click.IntRange(min=0), help="Of weights, batches and dropout. [default: that of plugins.toml]"
    ),
    click.option("--device", help="cpu, cuda, cuda:1, ... [default: that of plugins.toml]"),
)


def new_run_options(command: Command) -> Command:
    """Add the options of a run that begins; the command gets them as the keyword argument new: RunOptions."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in attrs.fields_dict(RunOptions)}
        return command(*args, new=RunOptions(**given), **kwargs)

    return cast(Command, _new_run(wrapped))
