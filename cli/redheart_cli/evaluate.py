"""redheart evaluate: the test split, beside what a user would do instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart.agents import evaluate as evaluate_team
from redheart.progress import make_display
from redheart.runs import Run
from redheart.sessions import run_of_model
from redheart_cli.output import figure, print_json, print_table, with_interval
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_cli.teams import print_teams
from redheart_core.data.language import UNDETERMINED
from redheart_core.storage.structuring import unstructure

if TYPE_CHECKING:
    from redheart_core.evaluation.calibrated import CalibratedTask
    from redheart_core.evaluation.results import Evaluation


@click.command()
@click.argument("model", type=UserPath())
@click.option("--run", type=UserPath(), help="Folder of the run, if it has moved.")
@json_option
def evaluate(model: Path, run: Path | None, as_json: bool) -> None:
    """Evaluate MODEL and its rivals on the test split: every way to make a model of the run's epochs.

    Main metrics come with 95 % bootstrap intervals, and with paired gains over the single best
    common epoch. The run keeps count of how often its test split has been read. The exit code
    is 3 if a group's losses or metrics failed; the others are evaluated. A team of agents plays test
    episodes, which nothing was chosen on.
    """
    if (model / "team.json").exists():
        teams = evaluate_team(model, run)
        if as_json:
            print_json(unstructure(teams))
        else:
            print_teams(teams)
        return
    with make_display() as display:
        result = Run(run or run_of_model(model)).evaluate_shown(model, display)
    if as_json:
        print_json(result.to_json())
    else:
        print_evaluation(result)
    if result.stopped:
        raise SystemExit(3)


def print_evaluation(result: Evaluation) -> None:
    """Every variant by its mean, and the first metric of each plugin on each field; --json has the rest."""
    first, losses = result.variants[0], result.losses
    same = [name for name in result.variants[1:] if losses.get(name) == losses[first]]
    rows = [
        (
            name,
            with_interval(result.skill[name], ".4f"),
            with_interval(result.skill_gains[name], "+.4f"),
            *((with_interval(result.points[name], ".2f"), with_interval(result.point_gains[name], "+.2f"))
              if result.points else ()),
        )
        for name in result.variants
        if name not in same
    ]  # fmt: skip
    heads = ("variant on test", "mean skill", "over the best common epoch")
    for name, reason in result.missing.items():
        click.echo(f"the model leaves out, so nothing is evaluated of: {name}: {reason}")
    for name, reason in result.stopped.items():
        click.echo(f"{name} could not be evaluated: {reason}")
    print_table((*heads, *(("points", "over the best common epoch") if result.points else ())), rows)
    if same:
        click.echo(f"the same losses as {first}, in every group: {', '.join(same)}")
    shown = tuple(dict.fromkeys(("crossover", "common epoch", result.best_method, "chosen", "constant", "linear")))
    shown = tuple(dict.fromkeys("crossover" if name == "selection" else name for name in shown))
    shown = tuple(name for name in shown if name not in same and all(name in table.figures for table in result.main))
    print_table(
        ("first metric on test", "of", "better", *shown, "ceiling"),
        [
            (
                table.metric,
                table.field,
                table.direction,
                with_interval(table.figures[shown[0]], ".4f"),
                *(figure(table.figures[name].value) for name in shown[1:]),
                figure(table.ceiling),
            )
            for table in result.main
        ],
    )
    click.echo("the mean skill is over plugins, of each over its rows")
    if result.calibrated:
        columns = ("calibrated answer", "language", "records", "wanted", "in intervals or sets", "outside", "by chance",
                   "width or labels", "missed together", "calibration error", "at temperature", "loss of surest 50 %",
                   "of all", "risk-coverage area")  # fmt: skip
        rows = [_calibrated(task) for task in result.calibrated]
        told = [place for place in range(len(columns)) if any(row[place] not in ("-", UNDETERMINED) for row in rows)]
        print_table([columns[place] for place in told], [[row[place] for place in told] for row in rows])
        for task in result.calibrated:
            if task.coverage_sentence:
                click.echo(task.coverage_sentence)
        labels = sum(len(task.cells) for task in result.calibrated)
        outside = sum(len(task.outside) for task in result.calibrated)
        expected = sum(task.outside_by_chance for task in result.calibrated)
        click.echo(
            f"{outside} of {labels} labels have a coverage outside the 95 % interval of the wanted one; "
            f"{expected:.1f} are expected by chance"
        )
    for name, reason in result.left_out.items():
        click.echo(f"{name} does not count in the means: {reason}")
    behind = [table.metric_of_field for table in result.main if not table.beats_constant]
    click.echo(f"not better than the constant predictor beyond chance: {', '.join(behind) or 'none'}")
    click.echo(f"validation alone prefers for all groups: {result.best_method}")
    click.echo(f"{result.test_records} test records, read {result.test_reads} time(s) in this run")


def _calibrated(task: CalibratedTask) -> tuple[str, ...]:
    """A row of the calibrated answers."""
    return (
        task.field,
        task.language,
        str(task.records),
        figure(1 - task.alpha, ".2f"),
        figure(task.coverage),
        ", ".join(task.outside) or "none",
        f"{task.outside_by_chance:.2f} of {len(task.cells)}",
        figure(task.size),
        figure(task.together.missed if task.together else None),
        figure(task.error_before),
        figure(task.error_after),
        figure(task.risks[0] if task.risks else None),
        figure(task.risks[-1] if task.risks else None),
        figure(task.area),
    )
