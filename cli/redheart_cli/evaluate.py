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
    from redheart_core._evaluation import Evaluation


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run, if it has moved.")
@json_option
def evaluate(model: Path, run: Path | None, as_json: bool) -> None:
    """Judge MODEL on the test split: crossover, best common epoch, last epoch, SWA and baselines.

    Every metric comes with a 95 % bootstrap interval. The run keeps count of how often its
    test split has been read.
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
    from redheart_core.evaluation import evaluate_test
    from redheart_core.files import write_json
    from redheart_core.model import chosen_epochs

    sweetspot = choose(session.run.path)
    result = evaluate_test(session.run, session.trainer, sweetspot, chosen_epochs(model, session.run), display.progress)
    write_json(session.run.path / "evaluation.json", result.to_json())
    return result


def print_evaluation(result: Evaluation) -> None:
    """The main metric of each plugin by variant, and the summary; --json has the rest."""
    rows = []
    for table in result.main:
        first, *others = (table.figures[variant] for variant in result.variants)
        interval = f"{first.value:.4f} [{first.low:.4f}, {first.high:.4f}]"
        rows.append((table.metric, table.direction, interval, *(f"{figure.value:.4f}" for figure in others)))
    skill = [f"{result.skill[variant]:.4f}" for variant in result.variants]
    rows.append(("mean skill: 0 constant, 1 perfect", "max", *skill))
    print_table(("metric on test", "better", *result.variants), rows)
    behind = [table.metric for table in result.main if not table.beats_constant]
    print(f"not better than the constant predictor beyond chance: {', '.join(behind) or 'none'}")
    print(f"{result.test_records} test records, read {result.test_reads} time(s) in this run")
