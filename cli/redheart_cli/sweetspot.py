"""redheart sweetspot: which epoch each group should keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart_core.sweetspot import Sweetspot


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@json_option
def sweetspot(run: Path, as_json: bool) -> None:
    """Find the best validation epoch of each group in RUN, and what one common epoch would cost.

    The 1-SE choice is the earliest epoch whose loss is within one standard error of the
    best one's, judged by the differences record by record.
    """
    found = choose(run)
    if as_json:
        print_json(found.to_json())
    else:
        print_sweetspot(found)


def choose(run: Path) -> Sweetspot:
    """Choose, and write sweetspot.json into the run."""
    from redheart_core.files import write_json
    from redheart_core.run import RunFolder
    from redheart_core.sweetspot import find_sweetspot, trained_groups

    folder = RunFolder(run)
    found = find_sweetspot(folder, trained_groups(folder))
    write_json(run / "sweetspot.json", found.to_json())
    return found


def print_sweetspot(found: Sweetspot) -> None:
    """The choices as a table."""
    print_table(
        ("group", "best epoch", "loss", "1-SE epoch", "loss", f"epoch {found.common_epoch}", "cost"),
        [
            (
                choice.group,
                choice.best.epoch,
                f"{choice.best.validation_loss:.5f}",
                choice.one_se.epoch,
                f"{choice.one_se.validation_loss:.5f}",
                f"{choice.common.validation_loss:.5f}",
                f"{choice.cost:+.2%}",
            )
            for choice in found.groups
        ],
    )
    metrics = [
        (name, choice.group, *(f"{entry.metrics[name]:.4f}" for entry in (choice.best, choice.one_se, choice.common)))
        for choice in found.groups
        for name in choice.best.metrics
    ]
    print_table(("validation metric", "group", "best", "1-SE", "common"), metrics)
    print(f"one common epoch for all, {found.common_epoch}, costs {found.mean_cost:+.2%} validation loss on average")
