"""redheart sweep: the learning rate of every group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart.tuning import find_rates, sweep_settings
from redheart_cli.options import plugin_options
from redheart_cli.output import figure, print_json, print_table, with_interval
from redheart_cli.ray_options import by_group, ray_option, resource_option
from redheart_cli.run_options import groups_option, json_option, new_run_options

if TYPE_CHECKING:
    from redheart_core.tuning.sweep_result import GroupSweep, RateRuns, Sweep


@click.command()
@new_run_options
@click.option("--rates", metavar="R,R,...", help="The rates to try. [default: 1e-4,3e-4,1e-3,3e-3,1e-2]")
@click.option("--hierarchical", is_flag=True, help="From decades to ever finer rates around each group's best one.")
@click.option("--sweep-epochs", type=click.IntRange(min=1), default=3, show_default=True, help="Of a short run.")
@click.option("--seeds", type=click.IntRange(min=1), default=2, show_default=True, help="Short runs per rate.")
@click.option("--no-halving", is_flag=True, help="Run every rate to its end, so that all groups can be compared.")
@ray_option
@resource_option
@groups_option
@plugin_options
@json_option
def sweep(
    choice: PluginChoice,
    new: RunOptions,
    rates: str | None,
    hierarchical: bool,
    sweep_epochs: int,
    seeds: int,
    no_halving: bool,
    address: str | None,
    resources: tuple[tuple[str, str, float], ...],
    groups_file: Path | None,
    as_json: bool,
) -> None:
    """Find the learning rate of every group with short runs, for a training with the same options.

    Writes sweep.json and groups.toml into RUN. A rate costs one short run whatever the number of
    groups; those that are hopeless for a group are dropped for it. Can be stopped at any moment;
    the same command goes on where it was. The exit code is 3 if a group has no rate.

    With --ray, every group is a task of a Ray cluster whose nodes see the folders of the run
    and of its store at the same path.

    \b
    Examples:
      redheart sweep --epochs 20
      redheart train --epochs 20 --groups runs/village/groups.toml
      redheart sweep --hierarchical --seeds 3
    """
    if rates is not None and hierarchical:
        raise click.UsageError("--hierarchical tries rates of its own; leave out --rates or --hierarchical")
    tried = None if rates is None else parse_rates(rates)
    settings, asked = (
        sweep_settings(tried, hierarchical, sweep_epochs, seeds, not no_halving),
        by_group(resources, address),
    )
    with make_display() as display:
        session = begin(choice, new, display, groups_file)
        if address is None:
            found = find_rates(session, settings, display)
        else:
            from redheart_scaling.sweeping import sweep_on_ray

            found = sweep_on_ray(session, settings, display, address, asked)
    if as_json:
        print_json(found.to_json())
    else:
        print_sweep(found)
        click.echo(f"rates: {session.run.path / 'groups.toml'}; take them up with redheart train --groups")
    if any(group.status == "failed" for group in found.groups):
        raise SystemExit(3)


def parse_rates(text: str) -> tuple[float, ...]:
    """The rates of "1e-4,1e-3", ascending."""
    try:
        rates = sorted(float(part) for part in text.split(","))
    except ValueError as error:
        raise click.UsageError(f"--rates expects numbers such as 1e-4,1e-3,1e-2, got '{text}'") from error
    if not all(0 < rate < float("inf") for rate in rates) or len(set(rates)) < len(rates):
        raise click.UsageError(f"--rates expects numbers above 0, each once, got '{text}'")
    return tuple(rates)


def print_sweep(found: Sweep) -> None:
    """Losses by rate, the choices, and what each group gains over one rate for all."""
    for group in found.groups:
        if group.choice is None:
            click.echo(f"{group.group}: {group.status}, {group.reason}")
    rates = sorted({runs.rate for group in found.groups for runs in group.rates})
    print_table(
        ("validation loss", *(f"{rate:g}" for rate in rates), "chosen", "within noise"),
        [
            (
                group.group,
                *(_cell(group, rate) for rate in rates),
                f"{group.choice.chosen:g}",
                ", ".join(f"{rate:g}" for rate in group.choice.within_noise),
            )
            for group in found.groups
            if group.choice is not None
        ],
    )
    for group in found.groups:
        for line in remarks(group):
            click.echo(f"{group.group}: {line}")
    print_common(found)
    cost = found.cost()
    click.echo(
        f"{cost['short_runs']:.2f} short runs of all groups; halving and faults saved {cost['updates_saved']:.0f} of "
        f"{cost['updates_run'] + cost['updates_saved']:.0f} updates"
    )


def remarks(group: GroupSweep) -> list[str]:
    """What a reader of a choice has to know."""
    lines = []
    if group.choice is not None and len(group.choice.differences) > 1 and not group.choice.distinguishable:
        lines.append("no rate beats another by a standard error: the validation set is too small to tell them apart")
    if group.edge:
        lines.append(f"no {group.edge} rate than the chosen one was tried; the best may lie beyond")
    return lines


def print_common(found: Sweep) -> None:
    """What each group gains by its own rate."""
    common = found.common
    if common.rate is None or common.mean is None:
        click.echo(f"one rate for all groups: {common.reason}")
        return
    print_table(
        ("group", f"loss at {common.rate:g} - at its own (95 %)", "corrected (95 %)"),
        [
            (name, with_interval(cost.apparent, "+.5f"), with_interval(cost.corrected, "+.5f"))
            for name, cost in common.gains.items()
        ],
    )
    mean, tried = common.mean.corrected, ", ".join(f"{rate:g}" for rate in common.candidates)
    click.echo(
        f"the best rate for all groups, {common.rate:g} (of {tried}), costs "
        f"{figure(common.mean.apparent.value, '+.2%')} validation loss on average; corrected for having chosen on "
        f"validation {with_interval(mean, '+.2%')}"
    )


def _cell(group: GroupSweep, rate: float) -> str:
    runs = next((runs for runs in group.rates if runs.rate == rate), None)
    if runs is None:
        return ""
    return f"{runs.mean:.5f}" if runs.mean is not None else _ended(runs)


def _ended(runs: RateRuns) -> str:
    return "dropped" if runs.status == "dropped" else "not finite"
