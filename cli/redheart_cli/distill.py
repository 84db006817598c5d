"""redheart distill: a run in which a small group learns what a model answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart.distilling import Distilled


@click.command()
@click.argument("model", type=UserPath())
@click.option("-o", "--output", type=UserPath(), metavar="RUN", required=True, help="Folder of the new run.")
@click.option("--student", "students", multiple=True, metavar="PLUGIN", default=("linear",), show_default=True,
              help="Learns the answers; repeatable.")  # fmt: skip
@click.option("--run", type=UserPath(), help="The model's own run, if it has moved.")
@json_option
def distill(model: Path, output: Path, students: tuple[str, ...], run: Path | None, as_json: bool) -> None:
    """Begin a run in which a few plugins learn what MODEL answers, as a small and fast model in its place.

    The training records get the answers of MODEL as labels, also those that had none. Epochs are chosen, answers
    calibrated and the new model evaluated on the labels that were given.

    \b
    Examples:
      redheart distill runs/village/model -o runs/small
      redheart train --resume -o runs/small
      redheart crossover runs/small
      redheart evaluate runs/small/model
    """
    from redheart.distilling import distill as distill_model

    found = distill_model(model, output, students=students, run=run)
    if as_json:
        from redheart_core.storage.structuring import unstructure

        print_json(unstructure(found))
    else:
        _print_distilled(found)


def _print_distilled(found: Distilled) -> None:
    rows = [(one.field, f"{one.labelled:,}", f"{one.answered:,}") for one in found.fields]
    print_table(("learnt from answers", "records with a label", "with an answer"), rows)
    if found.own:
        click.echo(f"learnt from labels, as the model does not answer them: {', '.join(found.own)}")
    click.echo(f"redheart train --resume -o {found.run} trains {', '.join(found.groups)}")
