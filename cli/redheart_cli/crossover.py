"""redheart crossover: the best epoch of every group in one model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from redheart.agents import assemble, is_agents_run
from redheart.progress import make_display
from redheart.runs import open_run
from redheart_cli.output import figure, print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_cli.teams import print_teams
from redheart_core.selection.names import NAMES
from redheart_core.storage.structuring import unstructure

if TYPE_CHECKING:
    from redheart_core.models.assembly import Assembled
    from redheart_core.selection.rivals import Rivals


@click.command()
@click.argument("run", type=UserPath())
@click.option("-o", "--output", type=UserPath(), help="Folder of the model; RUN/model if not given.")
@click.option("--rule", type=click.Choice([*NAMES]), default="best", show_default=True,
              help="Epoch of each group, as redheart sweetspot names them.")  # fmt: skip
@click.option("--method", metavar="NAME", help="Make each group by a method of the comparison: \"greedy soup\", "
              "\"top ensemble\", ..., or \"chosen\" for what validation prefers for it.")  # fmt: skip
@click.option("--compare", is_flag=True, help="Print every method on every group, and assemble nothing.")
@click.option(
    "--epoch", "epochs", multiple=True, metavar="GROUP=N", help="Take this group at this epoch; may be repeated."
)
@click.option("--partial", is_flag=True, help="Leave out groups that are not finished, and those that read them; the "
              "model and every answer say so.")  # fmt: skip
@json_option
def crossover(
    run: Path,
    output: Path | None,
    rule: str,
    method: str | None,
    compare: bool,
    epochs: tuple[str, ...],
    partial: bool,
    as_json: bool,
) -> None:
    """Assemble a model from RUN: the chosen epoch of every group, linked, not rewritten.

    With --method, groups are made of several epochs: means of weights, or ensembles. The validation
    loss of each group in the assembled model has to equal the recorded one exactly; that is
    checked and printed.

    Of a run of agents it links a team, and plays it in the environment against the best common
    epoch, the last one and random actions: agents that were best among others need not be so
    together.

    \b
    Examples:
      redheart crossover runs/village --compare
      redheart crossover runs/village --method chosen -o runs/village/chosen
    """
    if compare and (output is not None or method is not None or epochs or partial):
        raise click.UsageError("--compare assembles nothing; leave -o, --method, --epoch and --partial out")
    if method is not None and (epochs or rule != "best" or partial):
        raise click.UsageError("--method chooses by itself among all groups; leave --rule, --epoch and --partial out")
    taken = dict(map(_group_and_epoch, epochs))
    if is_agents_run(run):
        if compare or method is not None or partial:
            raise click.UsageError("weights of agents are not averaged, and a team is whole; leave --compare, --method "
                                   "and --partial out")  # fmt: skip
        team = output or run / "team"
        teams = assemble(run, team, rule, taken)
        if as_json:
            print_json({"team": str(team), **unstructure(teams)})
            return
        print_teams(teams)
        click.echo(f"team: {team}")
        return
    opened = open_run(run)
    if compare:
        _print_comparison(opened.compare(), as_json)
        return
    with make_display(True) as display:
        made = opened.assemble_shown(
            output or opened.path / "model", display, rule=rule, method=method, epochs=taken, partial=partial
        )
    if as_json:
        _print_json(made)
    else:
        _print_model(made)


def _print_json(made: Assembled) -> None:
    checks = [attrs.asdict(check) for check in made.model.manifest.checks]
    print_json(
        {
            "model": str(made.model.folder),
            "groups": checks,
            "missing": dict(made.model.missing),
            "seconds": dict(made.seconds),
        }
    )


def _print_model(made: Assembled) -> None:
    from redheart_core.models.limits import texts_wanted

    print_table(
        ("group", "epoch", "recorded validation loss", "assembled", "equal"),
        [(c.group, c.epoch, repr(c.recorded), repr(c.assembled), "yes") for c in made.model.manifest.checks],
    )
    for name, reason in made.model.missing.items():
        click.echo(f"left out: {name}: {reason}")
    wanted = texts_wanted(made.model.limits)
    if wanted is not None:
        click.echo(
            f"limits: none; it takes {wanted} calibration texts to know which texts are unlike those "
            "that a model learnt from, and there are fewer: it answers every text"
        )
    steps = ", ".join(f"{step} {taken:.2f}" for step, taken in made.seconds.items())
    click.echo(f"seconds: {steps}; {sum(made.seconds.values()):.2f} together")
    click.echo(f"model: {made.model.folder}")


def _group_and_epoch(text: str) -> tuple[str, int]:
    group, _, number = text.partition("=")
    if not group or not number.isdecimal():
        raise click.UsageError(f"--epoch expects GROUP=N, got '{text}'")
    return group, int(number)


def _print_comparison(rivals: Rivals, as_json: bool) -> None:
    if as_json:
        print_json(rivals.to_json())
        return
    rows = [
        (
            group,
            name,
            rival.epochs,
            f"{rival.loss:.4f}",
            f"{rival.difference:+.4f} ± {figure(rival.error)}",
            "" if name == "selection" else "yes" if rival.accepted else "no",
        )
        for group, found in rivals.table.items()
        for name, rival in found.items()
    ]
    print_table(("group", "method", "epochs", "validation loss", "less the selection's", "beyond noise"), rows)
    print_table(
        ("method", "mean relative difference over groups"),
        [(name, f"{mean:+.2%} ± {figure(error, '.2%')}") for name, (mean, error) in rivals.sums.items()],
    )
    chosen = ", ".join(f"{group}: {rivals.chosen(group).pick.method}" for group in rivals.table)
    click.echo(f"chosen for each group: {chosen}\nfor all groups together: {rivals.best_method}")
