"""redheart grow: a run of a larger scale that begins at a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_core import SCALES

if TYPE_CHECKING:
    from redheart.growing import Grown


@click.command()
@click.argument("model", type=UserPath())
@click.option("--scale", type=click.Choice(SCALES), required=True, help="Size of all modules afterwards.")
@click.option("-o", "--output", type=UserPath(), metavar="RUN", required=True, help="Folder of the new run.")
@click.option("--epochs", type=click.IntRange(min=1), help="Of every group. [default: as the model's run]")
@click.option("--run", type=UserPath(), help="The model's own run, if it has moved.")
@json_option
def grow(model: Path, scale: str, output: Path, epochs: int | None, run: Path | None, as_json: bool) -> None:
    """Begin a run of a larger scale at MODEL, a folder that redheart crossover or redheart run has made.

    Every group begins at weights with which it computes what it does in the model, within the rounding of single
    precision on every validation record. Plugins that cannot grow keep their size. A width that has to be repeated
    becomes the nearest multiple.

    \b
    Examples:
      redheart grow runs/village/model --scale base -o runs/larger
      redheart train --resume -o runs/larger
    """
    from redheart.growing import grow as grow_model

    grown = grow_model(model, output, scale=scale, epochs=epochs, run=run)
    if as_json:
        from redheart_core.storage.structuring import unstructure

        print_json(unstructure(grown))
    else:
        _print_grown(grown)


def _print_grown(grown: Grown) -> None:
    rows = [
        (
            one.group,
            *(f"{count:,}" for count in one.parameters),
            *(f"{loss:.6f}" for loss in one.validation_loss),
            f"{one.difference:.1e}",
        )
        for one in grown.groups
    ]
    print_table(("group", "parameters", "then", "validation loss", "then", "largest difference of an output"), rows)
    kept = [f"{name} ({why})" for one in grown.groups for name, why in one.kept.items()]
    if kept:
        click.echo(f"keep their size: {', '.join(kept)}")
    if grown.fitted:
        click.echo(f"closed forms, which the training fits again: {', '.join(grown.fitted)}")
    click.echo(f"redheart train --resume -o {grown.run} goes on there")
