"""redheart run: everything in one go."""

from __future__ import annotations

from pathlib import Path

import click

from redheart import agents
from redheart.main_job import GroupsStoppedError, finish_run
from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart_cli.budget import budget_options
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json
from redheart_cli.run_options import groups_option, json_option, new_run_options, start_option
from redheart_core.storage.structuring import unstructure
from redheart_core.training.budget import Budget


@click.command()
@new_run_options
@start_option
@groups_option
@plugin_options
@budget_options
@click.option("--text", help="A text to analyze at the end, if the data set has texts. [default: the first one of the "
              "validation split]")  # fmt: skip
@json_option
def run(
    choice: PluginChoice,
    new: RunOptions,
    start_from: str | None,
    groups_file: Path | None,
    budget: Budget | None,
    text: str | None,
    as_json: bool,
) -> None:
    """Data, train, sweetspot, crossover, evaluate, report and analyze in one go.

    On the embedded data set if nothing else is said. Stopped at any moment, the same command
    goes on where it was; what is finished is not done again. The exit code is 3 if a group
    stopped at a fault, in training or on the test split.

    \b
    Examples:
      redheart run
      redheart run --data scenarios --set scenarios.path=data/scenarios
      redheart run --data pettingzoo --enable pettingzoo --enable multi_agent
    """
    if agents.names_environment(choice, new):
        if start_from is not None:
            raise click.UsageError("agents begin at no model; leave --start-from out")
        _run_agents(choice, new, groups_file, budget, text, as_json)
        return
    from redheart_cli.analyze import print_analysis
    from redheart_cli.evaluate import print_evaluation
    from redheart_cli.sweetspot import print_sweetspot

    with make_display() as display:
        try:
            found = finish_run(choice, new, groups_file, text, display, budget, start_from)
        except GroupsStoppedError as stopped:
            click.echo(f"Error: {stopped}", err=True)
            raise SystemExit(3) from stopped
    model = found.run.path / "model"
    if as_json:
        print_json(
            {
                "run": str(found.run.path),
                "model": str(model),
                "report": str(found.report),
                "sweetspot": found.selection.to_json(),
                "evaluation": found.evaluation.to_json(),
                "text": None if found.analysis is None else found.analysis.text,
                "analysis": None if found.analysis is None else found.analysis.to_json(),
            }
        )
    else:
        print_sweetspot(found.selection)
        print_evaluation(found.evaluation)
        if found.analysis is not None:
            click.echo(f'"{found.analysis.text}"')
            print_analysis(found.analysis)
        click.echo(f"model:  {model}\nreport: {found.report.resolve()}")
    if found.evaluation.stopped:
        raise SystemExit(3)


def _run_agents(
    choice: PluginChoice,
    new: RunOptions,
    groups_file: Path | None,
    budget: Budget | None,
    text: str | None,
    as_json: bool,
) -> None:
    """The same for agents in an environment."""
    from redheart_cli.sweetspot import print_sweetspot
    from redheart_cli.teams import print_teams

    if budget is not None or text is not None:
        raise click.UsageError("agents act in an environment, without texts and turns; leave --memory and --text out")
    with make_display() as display:
        found = agents.finish(choice, new, groups_file, display)
    if not isinstance(found, agents.FinishedAgents):
        click.echo("Error: the agents stopped: " + "; ".join(dict.fromkeys(found.values())), err=True)
        raise SystemExit(3)
    if as_json:
        print_json(
            {
                "run": str(found.run),
                "team": str(found.team),
                "report": str(found.report),
                "sweetspot": found.selection.to_json(),
                "evaluation": unstructure(found.evaluation),
            }
        )
        return
    print_sweetspot(found.selection)
    print_teams(found.evaluation)
    click.echo(f"team:   {found.team}\nreport: {found.report.resolve()}")
