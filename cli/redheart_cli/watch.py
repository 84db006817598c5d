"""redheart watch: how the training in a run goes, live."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart.runs import Run
from redheart_cli.numbers import FiniteRange
from redheart_cli.output import duration, print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from rich.console import Group

    from redheart_core.runs.status import GroupStatus, RunStatus

HEADER = ("group", "status", "epoch", "train", "valid", "best", "losses", "rate", "s/epoch")
AGENTS_HEADER = ("group", "status", "epoch", "train", "return", "best", "returns", "rate", "s/epoch")
BARS = "▁▂▃▄▅▆▇█"
SPARKLINE, SHORT_SPARKLINE = 16, 8
"""Epochs that a sparkline shows, the newest ones; the short one where a terminal has fewer columns than WIDE."""
WIDE = 100
STYLES = {"running": "cyan", "finished": "green", "stopped": "red", "interrupted": "red"}


@click.command()
@click.argument("run", type=UserPath())
@click.option("--once", is_flag=True, help="Print once as plain text; so it is anyhow where the output is no terminal.")
@click.option(
    "--interval", type=FiniteRange(min=0.1), default=1.0, show_default=True, help="Seconds from look to look."
)
@json_option
def watch(run: Path, once: bool, interval: float, as_json: bool) -> None:
    """Show how the training in RUN goes, until it is finished or interrupted.

    Reads the folder and nothing else, so it can be started and left (Ctrl-C) at any moment,
    from another terminal or machine.

    Per group: training and validation loss of the newest epoch, the lowest validation loss
    and its epoch, the validation losses of the newest epochs as bars, the learning rate, and
    seconds per epoch. Agents have the mean return in place of the validation loss, of which the
    highest is best; train is the loss of their critics. Time left is that of the epochs to come,
    without their validation. Peak memory is recorded after each epoch.

    \b
    Examples:
      redheart watch runs/village
      redheart watch runs/village --once --json
    """
    opened = Run(run)
    if as_json:
        print_json(opened.status().to_json())
    elif once or not sys.stdout.isatty():
        print_view(opened.status())
    else:
        follow(opened, interval)


def follow(opened: Run, interval: float) -> None:
    """Draw the run again and again until nothing more will happen to it."""
    from rich.live import Live

    view = opened.status()
    with Live(auto_refresh=False) as live:
        live.update(draw(view, live.console.width), refresh=True)
        while view.state in ("starting", "running"):
            time.sleep(interval)
            view = opened.status()
            live.update(draw(view, live.console.width), refresh=True)


def print_view(view: RunStatus) -> None:
    """Plain text."""
    for line in summary(view):
        click.echo(line)
    print_table(header(view), [row(group, returns=view.returns) for group in view.groups])
    for line in reasons(view):
        click.echo(line)


def draw(view: RunStatus, width: int) -> Group:
    """The same for a terminal of so many columns, in colours."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in header(view):
        flexible = name in ("status", "losses", "returns")  # what gives way on a narrow terminal
        table.add_column(name, no_wrap=not flexible, min_width=8 if flexible else None, overflow="fold")
    bars = SPARKLINE if width >= WIDE else SHORT_SPARKLINE
    for group in view.groups:
        style = STYLES.get(group.status, "dim")
        cells = row(group, bars, view.returns)
        table.add_row(*(Text(cell, style if number == 1 else "") for number, cell in enumerate(cells)))
    first, *rest = summary(view)
    style = STYLES.get(view.state, "dim")
    return Group(Text(first, style), *map(Text, rest), table, *(Text(line, "red") for line in reasons(view)))


def header(view: RunStatus) -> tuple[str, ...]:
    """The names of the columns."""
    return AGENTS_HEADER if view.returns else HEADER


def summary(view: RunStatus) -> list[str]:
    """What holds for the whole run."""
    where = "unknown" if view.process is None else f"{view.process} on {view.host}"
    memory = "unknown" if view.peak_memory_bytes is None else f"{view.peak_memory_bytes / 1e6:.0f} MB"
    lines = [f"{view.path}: {view.state}", f"process {where}, peak memory {memory}"]
    if view.state == "starting":
        return lines
    assert view.elapsed_s is not None
    lines.append(f"at work for {duration(view.elapsed_s)}")
    if view.state != "finished":
        more = f" and {', '.join(view.unmeasured)} (not yet known)" if view.unmeasured else ""
        lines[-1] += f", left {duration(view.seconds_left)}{more}"
    if view.state == "interrupted":
        lines.append(f"no process is at work and groups are left; go on with redheart train --resume -o {view.path}")
    return lines


def row(group: GroupStatus, bars: int = SPARKLINE, returns: bool = False) -> tuple[str, ...]:
    """A group under the header; its sparkline has at most so many bars, of returns for agents."""
    newest, best, seconds = group.newest, group.best, group.seconds_per_epoch
    sign = -1 if returns else 1
    return (
        group.name,
        group.status,
        "-" if group.status == "nothing to train" else f"{group.done}/{group.planned}",
        f"{newest.train_loss:.4f}" if newest else "-",
        f"{sign * newest.validation_loss:.4f}" if newest else "-",
        f"{sign * best.validation_loss:.4f}@{best.name}" if best else "-",
        sparkline([sign * epoch.validation_loss for epoch in group.epochs[-bars:]]) or "-",
        f"{newest.learning_rate:.2g}" if newest else "-",
        f"{seconds:.2f}" if seconds is not None else "-",
    )


def reasons(view: RunStatus) -> list[str]:
    """Why groups stopped."""
    return [
        f"{group.name} stopped after {group.done} epochs: {group.reason}"
        for group in view.groups
        if group.status == "stopped"
    ]


def sparkline(values: Sequence[float]) -> str:
    """A bar for each value, between the least and the greatest."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if low == high:
        return BARS[0] * len(values)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1))] for value in values)
