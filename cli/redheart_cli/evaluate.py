"""redheart evaluate: the test split, beside what a user would do instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.display import Display, make_display
from redheart_cli.options import PluginChoice
from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import json_option
from redheart_cli.session import Session, open_session, run_of_model
from redheart_cli.sweetspot import choose

if TYPE_CHECKING:
    from redheart_core.evaluation.results import Evaluation
    from redheart_core.exact.interval import Interval


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run, if it has moved.")
@json_option
def evaluate(model: Path, run: Path | None, as_json: bool) -> None:
    """Evaluate MODEL and its rivals on the test split: every way to make a model of the run's epochs.

    Main metrics come with 95 % bootstrap intervals, and with paired gains over the single best
    common epoch. The run keeps count of how often its test split has been read.
    """
    with make_display() as display:
        session = open_session(run or run_of_model(model), PluginChoice())
        result = evaluate_model(session, model, display)
    if as_json:
        print_json(result.to_json())
    else:
        print_evaluation(result)


def evaluate_model(session: Session, model: Path, display: Display) -> Evaluation:
    """Evaluate, and write evaluation.json into the run."""
    from redheart_core.evaluation.evaluate import evaluate_test
    from redheart_core.models.assembly import model_picks
    from redheart_core.storage.files import write_json

    sweetspot = choose(session.run.path)
    result = evaluate_test(session.run, session.context, sweetspot, model_picks(model, session.run), display.progress)
    write_json(session.run.path / "evaluation.json", result.to_json())
    return result


def print_evaluation(result: Evaluation) -> None:
    """Every variant by its mean, and the main metric of each plugin; --json has the rest."""
    rows = [
        (
            name,
            _with_interval(result.skill[name]),
            _with_interval(result.skill_gains[name], signed=True),
            *((_with_interval(result.points[name], 2), _with_interval(result.point_gains[name], 2, signed=True))
              if result.points else ()),
        )
        for name in result.variants
    ]  # fmt: skip
    heads = ("variant on test", "mean skill", "over the best common epoch")
    print_table((*heads, *(("points", "over the best common epoch") if result.points else ())), rows)
    shown = tuple(dict.fromkeys(("crossover", "common epoch", result.best_method, "chosen", "constant", "linear")))
    shown = tuple("crossover" if name == "selection" else name for name in shown)
    shown = tuple(dict.fromkeys(shown))
    print_table(
        ("main metric on test", "better", *shown, "ceiling"),
        [
            (
                table.metric,
                table.direction,
                _with_interval(table.figures[shown[0]]),
                *(f"{table.figures[name].value:.4f}" for name in shown[1:]),
                "-" if table.ceiling is None else f"{table.ceiling:.4f}",
            )
            for table in result.main
        ],
    )
    behind = [table.metric for table in result.main if not table.beats_constant]
    print(f"not better than the constant predictor beyond chance: {', '.join(behind) or 'none'}")
    print(f"validation alone prefers for all groups: {result.best_method}")
    print(f"{result.test_records} test records, read {result.test_reads} time(s) in this run")


def _with_interval(figure: Interval, digits: int = 4, signed: bool = False) -> str:
    style = f"{'+' if signed else ''}.{digits}f"
    if figure.low is None or figure.high is None:
        return format(figure.value, style)
    return f"{figure.value:{style}} [{figure.low:{style}}, {figure.high:{style}}]"
