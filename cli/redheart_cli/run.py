"""redheart run: everything in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.display import make_display
from redheart_cli.options import PluginChoice, plugin_options
from redheart_cli.output import print_json
from redheart_cli.run_options import RunChoice, groups_option, json_option, new_run_options

if TYPE_CHECKING:
    from redheart_cli.session import Session

EXAMPLE = "My brother borrowed my savings for his shop and lost everything. I had warned him, and now he avoids me."


@click.command()
@new_run_options
@groups_option
@plugin_options
@click.option("--text", default=EXAMPLE, help="A text to analyze at the end.")
@json_option
def run(
    choice: PluginChoice,
    new: RunChoice,
    groups_file: Path | None,
    text: str,
    as_json: bool,
) -> None:
    """Data, train, sweetspot, crossover, evaluate, report and analyze in one go.

    On the embedded data set if nothing else is said. Stopped at any moment, the same command
    goes on where it was; what is finished is not done again. The exit code is 3 if a group
    stopped at a fault.

    \b
    Examples:
      redheart run
      redheart run --data scenarios --set scenarios.path=data/scenarios
    """
    from redheart_cli.analyze import Analyzer, print_findings, to_json
    from redheart_cli.crossover import assemble_model
    from redheart_cli.evaluate import evaluate_model, print_evaluation
    from redheart_cli.report import make_report
    from redheart_cli.sweetspot import choose, print_sweetspot
    from redheart_cli.train import begin, train_session
    from redheart_core.models.assembly import require_model
    from redheart_core.report.collect_results import read_evaluation

    with make_display() as display:
        session = begin(choice, display, new, groups_file)
        stopped = train_session(session)
        inspect_data(session)
        if stopped:
            details = "; ".join(f"{group}: {reason}" for group, reason in stopped.items())
            click.echo(f"Error: some groups stopped, so nothing is assembled: {details}", err=True)
            click.echo(
                f"redheart crossover {session.run.path} assembles what was finished; another run leaves a plugin out "
                "with --disable NAME",
                err=True,
            )
            raise SystemExit(3)
        folder = session.run.path
        sweetspot = choose(folder)
        evaluation = None
        if (folder / "model").exists():
            require_model(folder / "model", session.run, sweetspot)
            evaluation = read_evaluation(folder / "evaluation.json", session.run.read()["groups"])
        else:
            assemble_model(session, folder / "model")
        evaluation = evaluation or evaluate_model(session, folder / "model", display)
        report = make_report(folder)
        findings = Analyzer(folder / "model", session.context.settings.device)(text, "text")
    if as_json:
        print_json(
            {
                "run": str(folder),
                "model": str(folder / "model"),
                "report": str(report),
                "sweetspot": sweetspot.to_json(),
                "evaluation": evaluation.to_json(),
                "text": text,
                "findings": to_json(findings),
            }
        )
        return
    print_sweetspot(sweetspot)
    print_evaluation(evaluation)
    print(f'"{text}"')
    print_findings(findings)
    print(f"model:  {folder / 'model'}\nreport: {report.resolve()}")


def inspect_data(session: Session) -> None:
    """Write inspection.json into a run that has begun, and so belongs to this data, unless it is there."""
    from redheart_core.inspection.inspect import inspect_store
    from redheart_core.storage.files import write_json

    file = session.run.path / "inspection.json"
    if not file.exists():
        write_json(file, inspect_store(session.context.store).to_json())
