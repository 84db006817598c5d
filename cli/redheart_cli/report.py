"""redheart report: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from redheart.runs import open_run
from redheart_cli.output import print_json
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option


@click.command()
@click.argument("run", type=UserPath())
@click.option("-o", "--output", type=UserPath(), help="The file; RUN/report.html if not given.")
@click.option("--model", type=UserPath(), help="Folder of the model; RUN/model if it is there.")
@json_option
def report(run: Path, output: Path | None, model: Path | None, as_json: bool) -> None:
    """Write what happened in RUN, with plots, into one HTML file."""
    file = open_run(run).report(output, model=model)
    if as_json:
        print_json({"report": str(file)})
    else:
        click.echo(f"report: {file}")
