"""redheart sweetspot: which epoch each group should keep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart.runs import open_run
from redheart_cli.output import figure, print_json, print_table, with_interval
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_core.selection.names import NAMES

if TYPE_CHECKING:
    from redheart_core.runs.manifest import EpochEntry
    from redheart_core.selection.sweetspot import GroupChoice, Sweetspot


@click.command()
@click.argument("run", type=UserPath())
@click.option("--rule", type=click.Choice([*NAMES]), default="best", show_default=True,
              help="What is printed as chosen; an error if it names no epoch for some group.")  # fmt: skip
@json_option
def sweetspot(run: Path, rule: str, as_json: bool) -> None:
    """Find the best validation epoch of each group in RUN, and what one common epoch would cost.

    \b
    best     lowest validation loss; the interval is a bootstrap over validation records
    one_se   earliest epoch within one standard error of the best, record by record
    plateau  first epoch of the longest flat stretch at the bottom without a trend
    knee     where the fall bends most
    onset    last epoch before the loss rises for good
    vote     what more than half of them agree on, give or take one epoch

    All but the first two may abstain. The corrected cost of a common epoch is measured on
    records that it was not chosen on. Of agents it is returns, of which the highest are best.
    """
    found = open_run(run).select()
    chosen = {group: entry.epoch for group, entry in found.chosen(rule).items()}
    if as_json:
        print_json({**found.to_json(), "rule": rule, "chosen": chosen})
        return
    print_sweetspot(found)
    for choice in found.groups:
        if choice.epochs > 1:
            print_detections(choice, found.returns)
    click.echo(f"chosen by {NAMES[rule]}: {', '.join(f'{group} {epoch}' for group, epoch in chosen.items())}")


def print_sweetspot(found: Sweetspot) -> None:
    """The choices, the cost of one common epoch, and the metrics of both, as tables.

    Of groups with one epoch there is nothing to choose, and one line says so.
    """
    choices = [choice for choice in found.groups if choice.epochs > 1]
    alone = [f"{choice.group} (epoch {choice.best.epoch}, {_worth(choice.best, found.returns)})"
             for choice in found.groups if choice.epochs == 1]  # fmt: skip
    if choices:
        _print_choices(found, choices)
    if alone:
        click.echo(f"one epoch, so that there is none to choose: {', '.join(alone)}")
    heads = ("best", "1-SE", "common", "common - best") if choices else ("value",)
    metrics = [
        (name, choice.group, *_metric(choice, name)[: len(heads)])
        for choice in found.groups
        for name in choice.best.metrics
    ]
    print_table(("validation metric", "group", *heads), metrics)
    if choices:
        _print_common(found)


def _metric(choice: GroupChoice, name: str) -> tuple[str, ...]:
    entries = (choice.best, choice.one_se, choice.common)
    values = ("-" if one is None else figure(one.metrics[name]) for one in entries)
    return (*values, figure(choice.metric_differences[name], "+.4f"))


def _print_choices(found: Sweetspot, choices: Sequence[GroupChoice]) -> None:
    """Of agents no cost is given as a share: that of a return says nothing, as it depends on where 0 is."""
    returns = found.returns
    names = [name for name in NAMES if name != "best"]
    worth = "return" if returns else "loss"
    print_table(
        ("group", "best epoch", "95 %", worth, *(NAMES[name] for name in names), "epochs on disk"),
        [
            (
                choice.group,
                choice.best.epoch,
                f"{choice.interval.low}..{choice.interval.high}",
                _worth(choice.best, returns),
                *("-" if (epoch := choice.detections[name].epoch) is None else epoch for name in names),
                choice.epochs,
            )
            for choice in choices
        ],
    )
    print_table(
        (
            "group",
            f"{worth} at epoch {found.common_epoch}",
            *(() if returns else ("cost",)),
            "return lost (95 %)" if returns else "difference (95 %)",
            "corrected (95 %)",
        ),
        [
            (
                choice.group,
                _worth(choice.common, returns),
                *(() if returns else (f"{choice.cost:+.2%}",)),
                with_interval(choice.common_cost.apparent, "+.5f"),
                with_interval(choice.common_cost.corrected, "+.5f"),
            )
            for choice in choices
        ],
    )


def _print_common(found: Sweetspot) -> None:
    common = (
        f"one common epoch for all, {found.common_epoch} ({found.common_interval.low}..{found.common_interval.high})"
    )
    if found.returns:
        click.echo(f"{common}; corrected: for having chosen it on the episodes that are compared")
        return
    click.echo(
        f"{common}, costs {found.mean_cost:+.2%} validation loss on average; corrected for having chosen on validation "
        f"{with_interval(found.mean_common_cost.corrected, '+.2%')}"
    )


def print_detections(choice: GroupChoice, returns: bool) -> None:
    """What each detector says of a group, and why."""
    share = choice.interval.shares.get(choice.best.epoch, 0.0)
    click.echo(
        f"{choice.group}: {choice.epochs} epochs on disk; best of the resamples {choice.interval.low}.."
        f"{choice.interval.high}, epoch {choice.best.epoch} in {share:.0%} of them"
    )
    print_table(
        ("rule", "epoch", "return" if returns else "loss", "why"),
        [
            (name, "-", "", f"abstains: {detection.reason}")
            if detection.epoch is None
            else (name, detection.epoch, _worth(choice.entries[detection.epoch], returns), detection.reason)
            for name, detection in ((NAMES[rule], choice.detections[rule]) for rule in NAMES)
        ],
        indent="  ",
    )


def _worth(entry: EpochEntry, returns: bool) -> str:
    return f"{-entry.validation_loss if returns else entry.validation_loss:.5f}"
