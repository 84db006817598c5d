"""Options that the commands share which prepare data, train or look at a run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs
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

data_options = _all(
    click.option("--data", "dataset", metavar="NAME", help="The data set plugin. [default: village]"),
    click.option("--encoder", metavar="NAME", help="The encoder plugin. [default: lsa]"),
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


@attrs.frozen
class RunChoice:
    """What the options of a run say that begins; None where nothing is said."""

    output: Path | None
    store: Path | None
    dataset: str | None
    encoder: str | None
    scale: str | None
    epochs: int | None
    seed: int | None
    device: str | None

    @property
    def data(self) -> dict[str, str | None]:
        """What it says of [data]."""
        return {"dataset": self.dataset, "encoder": self.encoder}

    @property
    def training(self) -> dict[str, Any]:
        """What it says of [training]."""
        return {"scale": self.scale, "epochs": self.epochs, "seed": self.seed, "device": self.device}

    @property
    def changes_nothing(self) -> bool:
        """Whether at most the folder of the run is said."""
        return attrs.evolve(self, output=None) == RunChoice(*[None] * len(attrs.fields(RunChoice)))


_new_run = _all(
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="RUN",
        help="Folder of the run. [default: runs/DATASET]",
    ),
    click.option(
        "--store", type=click.Path(path_type=Path), help="Folder of the embedding store. [default: RUN/store]"
    ),
    data_options,
    click.option("--scale", type=click.Choice(SCALES), help="Size of all modules. [default: small]"),
    click.option("--epochs", type=click.IntRange(min=1)),
    click.option("--seed", type=click.IntRange(min=0)),
    click.option("--device", help="cpu, cuda, cuda:1, ... [default: cpu]"),
)


def new_run_options(command: Command) -> Command:
    """Add the options of a run that begins; the command gets them as the keyword argument new: RunChoice."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        said = {name: kwargs.pop(name) for name in attrs.fields_dict(RunChoice)}
        return command(*args, new=RunChoice(**said), **kwargs)

    return cast(Command, _new_run(wrapped))
