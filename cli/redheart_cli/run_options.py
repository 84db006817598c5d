"""Options that the commands share which prepare data, train or look at a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from redheart_core import SCALES

Command = TypeVar("Command", bound=Callable[..., Any])


def _all(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


json_option = _all(click.option("--json", "as_json", is_flag=True, help="Print one JSON document."))

run_option = _all(
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="RUN",
        help="Folder of the run. [default: runs/DATASET]",
    )
)

store_option = _all(
    click.option("--store", type=click.Path(path_type=Path), help="Folder of the embedding store. [default: RUN/store]")
)

data_options = _all(
    click.option("--data", "dataset", metavar="NAME", help="The data set plugin. [default: village]"),
    click.option("--encoder", metavar="NAME", help="The encoder plugin. [default: lsa]"),
)

training_options = _all(
    click.option("--scale", type=click.Choice(SCALES), help="Size of all modules. [default: small]"),
    click.option("--epochs", type=click.IntRange(min=1)),
    click.option("--seed", type=click.IntRange(min=0)),
    click.option("--device", help="cpu, cuda, cuda:1, ... [default: cpu]"),
)

groups_option = _all(
    click.option(
        "--groups",
        "groups_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Tables [groups.NAME] that change those of plugins.toml, such as the groups.toml of a sweep.",
    )
)
