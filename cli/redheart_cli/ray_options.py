"""Options of the commands whose work may be spread over a Ray cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

KEYS = ("cpus", "gpus", "memory_mb")

ray_option = click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help='Spread the work over this Ray cluster, such as 10.0.0.1:6379, or "local" to start one here; '
    "needs redheart[ray].",
)


class ResourceType(click.ParamType[tuple[str, str, float]]):
    """TASK.KEY=NUMBER."""

    name = "resource"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str, float]:
        """Task, key and number."""
        found = re.fullmatch(rf"([A-Za-z0-9_+-]+)\.({'|'.join(KEYS)})=([0-9]+(?:\.[0-9]+)?)", str(value))
        if not found:
            self.fail(f"expects TASK.{'|'.join(KEYS)}=NUMBER, such as backbone.gpus=1, got {value!r}", param, ctx)
        return found[1], found[2], float(found[3])


resource_option = click.option(
    "--resource",
    "resources",
    type=ResourceType(),
    multiple=True,
    metavar="TASK.KEY=NUMBER",
    help="With --ray: what a task asks of a node (cpus, gpus, memory_mb). Its name is that of its group; of its data "
    "set in bench crossover; encode in data prepare; analyze in analyze. Repeatable.",
)


def by_task(resources: tuple[tuple[str, str, float], ...], address: str | None) -> Mapping[str, Mapping[str, float]]:
    """Task to what it asks for.

    Raises:
        UsageError: There is no cluster to ask.
    """
    if resources and address is None:
        raise click.UsageError("--resource is for the tasks of a cluster; name one with --ray")
    found: dict[str, dict[str, float]] = {}
    for task, key, amount in resources:
        found.setdefault(task, {})[key] = amount
    return found


def here_alone(start_from: str | None, address: str | None) -> None:
    """Refuse a sweep or a search that begins at a model and is spread over a cluster.

    Raises:
        UsageError: It is.
    """
    if start_from is not None and address is not None:
        raise click.UsageError("--start-from: nodes of a cluster do not get the weights of the model; leave --ray out")
