"""redheart train: every group to its last epoch."""

from __future__ import annotations

from pathlib import Path

import click

from redheart.options import PluginChoice, RunOptions, Share
from redheart.progress import make_display
from redheart.runs import Run
from redheart.together import leads, started_by_torchrun, train_together
from redheart.training import resumable, train_run
from redheart_cli.budget import budget_options
from redheart_cli.numbers import FiniteRange
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json, print_table
from redheart_cli.ray_options import by_task, ray_option, resource_option
from redheart_cli.run_options import groups_option, json_option, new_run_options, start_option
from redheart_core.training.budget import Budget


@click.command()
@click.option("--resume", is_flag=True, help="Go on with the run in the folder, under the settings it was begun with.")
@click.option(
    "--only", multiple=True, metavar="GROUP", help="Train this checkpoint group and no other; repeatable. See below."
)
@click.option(
    "--wait",
    "wait_s",
    type=FiniteRange(min=0.0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for groups that other processes train. [default: 0]",
)
@click.option(
    "--mirror",
    metavar="URL",
    help="Keep the run in an object store too, such as s3://bucket/village, and go on with what is there.",
)
@ray_option
@resource_option
@new_run_options
@start_option
@groups_option
@plugin_options
@budget_options
@json_option
def train(
    choice: PluginChoice,
    resume: bool,
    only: tuple[str, ...],
    wait_s: float,
    mirror: str | None,
    address: str | None,
    resources: tuple[tuple[str, str, float], ...],
    new: RunOptions,
    start_from: str | None,
    groups_file: Path | None,
    budget: Budget | None,
    as_json: bool,
) -> None:
    """Train the active plugins, each checkpoint group on its own.

    Prepares the data if need be. A run can be stopped at any moment and resumed; the
    result is the same to the last bit. The exit code is 3 if a group stopped at a fault.

    With --only, machines that share the run's folder train different groups, at the same
    time or one after another. The first command begins the run, the same command with other
    groups (or --resume) joins it. A group that reads others needs these finished first: it
    waits for them with --wait, else the command says which are missing.

    With --mirror, machines need share nothing but a folder of an object store, which gets
    every finished epoch: the same command goes on on another machine, with the same bits.

    With --start-from, groups go on from what a model has learnt; their epoch 0 is the model
    as it is, so that the best epoch is no worse on the validation records. A line says which
    groups begin anew, and why. [groups.NAME] epochs = 0 keeps a group as it is.

    With --ray, every group is a task of a Ray cluster whose nodes see the folders of the run
    and of its store at the same path, or with --mirror nothing but the object store.

    \b
    Examples:
      redheart train --epochs 10
      redheart train --enable advanced_regret
      redheart train --scale base --memory 8G
      redheart train --groups runs/village/groups.toml
      redheart train --data jsonl --set jsonl.path=more.jsonl --start-from runs/village/model
      redheart train --resume -o runs/village
      redheart train --resume -o runs/village --only neural_regret --wait 3600
      redheart train -o runs/village --mirror s3://bucket/village
      redheart train -o /shared/village --ray 10.0.0.1:6379 --resource backbone.gpus=1
    """
    if resume and (not new.changes_nothing or groups_file is not None or start_from is not None):
        raise click.UsageError("--resume takes data and settings from the run; leave the other options out")
    if address is not None and (only or wait_s):
        raise click.UsageError("--ray trains all groups, in order; leave --only and --wait out")
    if address is not None and budget is not None:
        raise click.UsageError("--memory is of one process; leave it out with --ray")
    asked = by_task(resources, address)
    share = Share(only, wait_s, budget, mirror)
    with make_display(leads()) as display:
        if started_by_torchrun():
            run = train_together(choice, new, groups_file, resume, display, share, start_from)
        elif address is None:
            run = train_run(choice, new, groups_file, resume, display, share, start_from)
        else:
            from redheart_scaling.training import train_on_ray

            run = train_on_ray(choice, new, groups_file, resume, display, address, asked, mirror, start_from)
    if leads():
        with resumable(run.path):
            print_training(run, as_json)
    if run.stopped:
        raise SystemExit(3)


def print_training(run: Run, as_json: bool) -> None:
    """How far every group is."""
    if as_json:
        print_json({"run": str(run.path), "stopped": run.stopped})
        return
    status = run.status()
    sign = -1 if status.returns else 1
    rows = [
        (
            group.name,
            group.tier,
            group.status,
            group.done,
            f"{group.best.epoch} ({sign * group.best.validation_loss:.4f})" if group.best else "-",
        )
        for group in status.groups
    ]
    print_table(("group", "tier", "status", "epochs", "best return" if status.returns else "best validation"), rows)
    click.echo(f"run: {run.path}")
