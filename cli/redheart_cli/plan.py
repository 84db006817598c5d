"""redheart plan: what a training will hold in memory, and how long it takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart_cli.budget import budget_options
from redheart_cli.nodes import print_node_plan
from redheart_cli.options import plugin_options
from redheart_cli.output import duration, print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import groups_option, json_option, new_run_options

if TYPE_CHECKING:
    from redheart_core.training.budget import Budget
    from redheart_core.training.memory_plan import MemoryPlan
    from redheart_core.training.turns import TurnPlan


@click.command()
@new_run_options
@groups_option
@plugin_options
@budget_options
@click.option("--nodes", type=click.IntRange(1, 4096), help="Predict the training in --costs on so many nodes.")
@click.option("--costs", type=UserPath(), metavar="RUN", help="A run that has done some epochs, for --nodes.")
@json_option
def plan(
    choice: PluginChoice,
    new: RunOptions,
    groups_file: Path | None,
    budget: Budget | None,
    nodes: int | None,
    costs: Path | None,
    as_json: bool,
) -> None:
    """Measure what memory a training needs, by steps of every group on the records with the longest texts.

    Within a budget the groups of a tier take turns: shown is who stays, who leaves between its turns, how long a turn
    is, how often what is moved, and the predicted peak. Times are those of steps, validation and saving, one after
    another, as if all texts were as long as the longest. On the CPU the whole process counts, with the interpreter, its
    libraries and mapped data, and what a short turn of each group was measured to take; on CUDA the tensors. Closed
    forms are not measured. The exit code is 1 if a group does not fit alone; train --memory follows the plan. Example:
    redheart plan --scale base --memory 8G

    With --nodes, time and memory of a training as tasks of a cluster (train --ray) are predicted instead, from the
    seconds that epochs have taken in the run of --costs, and from such steps: a node runs one task at a time, a task
    opens the run and computes what it reads of other groups. Example: redheart plan --nodes 64 --costs runs/village
    """
    if (nodes is None) != (costs is None):
        raise click.UsageError("--nodes N and --costs RUN belong together")
    if nodes is not None and costs is not None:
        if not new.changes_nothing or new.output or groups_file or budget or choice != PluginChoice(trace=choice.trace):
            raise click.UsageError("--nodes takes everything from the run of --costs; leave the other options out")
        print_node_plan(costs, nodes, as_json)
        return
    from redheart_core.training.memory_plan import plan_memory
    from redheart_core.training.turns import plan_turns

    with make_display() as display:
        context = begin(choice, new, display, groups_file).context
        if budget is not None:
            budget.require_meaning(context.device.type)  # before anything is measured
        found = plan_memory(context, display.progress).for_others()
    turns = None if budget is None else plan_turns(found, budget)
    if as_json:
        tiers = [attrs.asdict(tier) | {"peak": tier.peak} for tier in found.tiers]
        print_json(
            attrs.asdict(found)
            | {"tiers": tiers, "peak": found.peak, "memory": None if budget is None else budget.memory}
            | {"turns": None if turns is None else _turns_document(turns)}
        )
        return
    print_groups(found)
    if turns is not None:
        print_turns(turns)


def print_groups(found: MemoryPlan) -> None:
    """What each group holds, and each tier if all its groups are in memory together."""
    from redheart_core.training.memory_plan import BETWEEN_PROCESSES, megabytes

    print_table(
        (
            *("group", "tier", "batch", "weights", "gradients", "optimizer", "bits"),
            *("step", "saving", "alone", "s/step", "time"),
        ),
        [
            (
                one.name,
                one.tier,
                f"{one.batch_size} by {one.micro_batch}" if one.micro_batch else one.batch_size,
                *map(megabytes, (one.step.weights, one.step.gradients, one.step.optimizer)),
                one.optimizer_bits,
                megabytes(one.step.working),
                megabytes(one.step.after),
                megabytes(one.alone),
                f"{one.step.seconds:.3f}",
                duration(one.seconds),
            )
            for one in found.groups
        ],
    )
    click.echo()
    print_table(
        ("tier", "resident", "largest turn", "of", "peak", "time"),
        [
            (
                tier.tier,
                megabytes(tier.resident),
                megabytes(tier.working),
                tier.largest,
                megabytes(found.base + tier.peak),
                duration(tier.seconds),
            )
            for tier in found.tiers
        ],
    )
    click.echo(
        f"before any group: {megabytes(found.base)}, of which {megabytes(BETWEEN_PROCESSES)} are for what one process "
        "may take more than another"
    )
    click.echo(f"train --memory {math.ceil(found.peak / 1e6)}M holds all groups of a tier together")


def print_turns(turns: TurnPlan) -> None:
    """Who is in memory when."""
    from redheart_core.training.memory_plan import megabytes

    steps = turns.budget.turn_steps

    click.echo()
    print_table(
        ("tier", "stay", "take turns", "a turn", "moved", "peak", "in the turn of", "time"),
        [
            (
                tier.tier,
                ", ".join(tier.stay) or "-",
                ", ".join(tier.leave) or "-",
                f"{steps} steps" if steps else f"{tier.epochs} epochs" if tier.epochs > 1 else "an epoch",
                f"{tier.rounds} x {megabytes(tier.moved)}",
                megabytes(tier.peak),
                tier.largest,
                duration(tier.seconds),
            )
            for tier in turns.tiers
        ],
    )
    click.echo(
        f"predicted peak {megabytes(turns.peak)} of {megabytes(turns.budget.memory)}, in {duration(turns.seconds)} "
        "without opening, audit and closed forms"
    )
    if turns.memory.device != "cpu":
        click.echo(f"host memory at most {megabytes(turns.host_peak)}, with the states of idle groups")


def _turns_document(turns: TurnPlan) -> dict[str, object]:
    return {
        "tiers": [attrs.asdict(tier) | {"seconds": tier.seconds} for tier in turns.tiers],
        "turn_steps": turns.budget.turn_steps,
        "peak": turns.peak,
        "seconds": turns.seconds,
        "host_peak": turns.host_peak,
        "host_memory": turns.budget.host_memory,
    }
