"""Options that state what a training may hold in memory."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from redheart_core.training.budget import Budget

Command = TypeVar("Command", bound=Callable[..., Any])
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}


class Bytes(click.ParamType[int]):
    """A number of bytes such as 8G or 500M, with decimal units."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMG])", str(value))
        size = int(float(found[1]) * UNITS[found[2]]) if found else 0
        if not size:
            self.fail(f"expects a number above zero with K, M or G, such as 8G or 500M, got {str(value)!r}", param, ctx)
        return size


def budget_options(command: Command) -> Command:
    """Add --memory and what goes with it; the command gets them as the keyword argument budget: Budget | None."""

    @click.option(
        "--memory",
        type=Bytes(),
        metavar="SIZE",
        help="What the device may hold, such as 8G: groups take turns on it, with the same result to the last bit.",
    )
    @click.option(
        "--host-memory",
        type=Bytes(),
        metavar="SIZE",
        help="What this process may hold beside a CUDA device, with the states of idle groups.",
    )
    @click.option(
        "--turn-steps",
        type=click.IntRange(min=0),
        default=0,
        show_default="an epoch",
        help="Steps of a turn within --memory.",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, memory: int | None, host_memory: int | None, turn_steps: int, **kwargs: Any) -> Any:
        if memory is None and (host_memory is not None or turn_steps):
            raise click.UsageError("--host-memory and --turn-steps belong to --memory")
        budget = None if memory is None else Budget(memory, host_memory, turn_steps)
        return command(*args, budget=budget, **kwargs)

    return cast(Command, wrapped)
