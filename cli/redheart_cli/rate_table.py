"""What the commands print of the rates of a sweep, of groups on a data set and of agents alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_table

if TYPE_CHECKING:
    from redheart_core.tuning.sweep_result import GroupSweep, Sweep

ENDED = {"dropped": "dropped", "not_finite": "not finite", "stopped": "stopped"}


def print_choices(found: Sweep, more: Sequence[Sequence[str]] = ()) -> None:
    """The mean of every group at every rate, with what is chosen, and rows of the caller's below."""
    for group in found.groups:
        if group.choice is None:
            click.echo(f"{group.group}: {group.status}, {group.reason}")
    print_table(
        (
            "mean return" if found.environment else "validation loss",
            *map(_rate, rates_of(found)),
            "chosen",
            "within noise",
        ),
        [
            *(
                (
                    group.group,
                    *(_cell(group, rate, bool(found.environment)) for rate in rates_of(found)),
                    _rate(group.choice.chosen),
                    ", ".join(map(_rate, group.choice.within_noise)),
                )
                for group in found.groups
                if group.choice is not None
            ),
            *more,
        ],
    )


def rates_of(found: Sweep) -> list[float]:
    """All that were tried, ascending."""
    return sorted({runs.rate for group in found.groups for runs in group.rates})


def remarks(group: GroupSweep, too_few: str) -> list[str]:
    """What a reader of a choice has to know."""
    lines = []
    if group.choice is not None and len(group.choice.differences) > 1 and not group.choice.distinguishable:
        lines.append(f"no rate beats another by a standard error: {too_few}")
    if group.edge:
        lines.append(f"no {group.edge} rate than the chosen one was tried; the best may lie beyond")
    return lines


def _cell(group: GroupSweep, rate: float, returns: bool) -> str:
    runs = next((runs for runs in group.rates if runs.rate == rate), None)
    if runs is None:
        return ""
    if runs.mean is None:
        return ENDED[runs.status]
    return f"{-runs.mean:.3f}" if returns else f"{runs.mean:.5f}"


def _rate(rate: float) -> str:
    return f"{rate:g}"
