"""redheart report: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file; RUN/report.html if not given.")
@click.option("--model", type=click.Path(path_type=Path), help="Folder of the model; RUN/model if it is there.")
def report(run: Path, output: Path | None, model: Path | None) -> None:
    """Write what happened in RUN, with plots, into one HTML file."""
    print(f"report: {make_report(run, output, model)}")


def make_report(run: Path, output: Path | None = None, model: Path | None = None) -> Path:
    """Write the report and say where."""
    from redheart_core.report import write_report

    if model is None and (run / "model").exists():
        model = run / "model"
    output = output or run / "report.html"
    write_report(run, output, model)
    return output
