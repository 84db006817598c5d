"""redheart plan --nodes: how long a training takes on several nodes, and what a node holds."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import click

from redheart.options import PluginChoice
from redheart.progress import make_display
from redheart.runs import Run
from redheart.sessions import open_session
from redheart_cli.output import print_json, print_table


def print_node_plan(run: Path, nodes: int, as_json: bool) -> None:
    """Predict time and memory of a run's training as one process, and on 1, 2, 4, ... nodes up to a number."""
    from redheart_core.training.memory_plan import megabytes, plan_memory
    from redheart_core.training.node_plan import plan_nodes

    status = Run(run).status()
    with make_display() as display:
        started = time.perf_counter()
        session = open_session(run, PluginChoice())
        opening = time.perf_counter() - started
        memory = plan_memory(session.context, display.progress).for_others()
        found = plan_nodes(session.context, status.groups, opening, memory, display.progress)
    schedules = [found.on(number) for number in sorted({*(2**power for power in range(7) if 2**power < nodes), nodes})]
    if as_json:
        totals = {"alone": found.alone, "memory": found.memory, "nodes": [attrs.asdict(one) for one in schedules]}
        print_json(attrs.asdict(found) | totals)
        return
    print_table(
        ("group", "tier", "s/epoch", "epochs", "audit s", "outputs s", "memory"),
        [
            (
                *(one.name, one.tier, f"{one.epoch:.2f}", one.epochs, f"{one.audit:.2f}", f"{one.outputs:.2f}"),
                megabytes(one.memory),
            )
            for one in found.groups
        ],
    )
    click.echo(f"\na process takes {found.start:.1f} s to start and {found.opening:.1f} s to open the run")
    click.echo(f"one process for all groups: {found.alone:.1f} s, {megabytes(found.together)}")
    click.echo(f"a node, one task at a time: {megabytes(found.memory)}\n")
    print_table(
        ("nodes", "seconds", "times as fast", "busy"),
        [(one.nodes, f"{one.seconds:.1f}", f"{found.alone / one.seconds:.2f}", f"{one.busy:.0%}") for one in schedules],
    )
