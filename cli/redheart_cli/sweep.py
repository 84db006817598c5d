"""redheart sweep: the learning rate of every group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart.agents import begin_agents, names_environment
from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart.starting import trained_from
from redheart.tuning import SweepOptions, find_rates, find_rates_of_agents
from redheart_cli.agent_rates import print_rates_of_agents
from redheart_cli.options import plugin_options
from redheart_cli.output import figure, print_json, print_table, with_interval
from redheart_cli.rate_table import print_choices, remarks
from redheart_cli.ray_options import by_task, here_alone, ray_option, resource_option
from redheart_cli.run_options import groups_option, json_option, new_run_options, start_option

if TYPE_CHECKING:
    from redheart_core.tuning.sweep_result import Sweep


@click.command()
@new_run_options
@start_option
@click.option(
    "--rates", metavar="R,R,...", help="The rates to try. [default: 1e-4,3e-4,1e-3,3e-3,1e-2, of agents see below]"
)
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
    start_from: str | None,
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

    Agents in an environment are trained together, at one rate for all. They leave that of the
    training only where they get more beyond noise, and an agent takes a rate of its own only if
    all together get more by it. Usual rates are .1 to 3 times that of the training.

    With --start-from, groups begin at a model, as those of redheart train with the same option do,
    and groups that stay as they are ([groups.NAME] epochs = 0) have no rate.

    With --ray, every group at every rate with every seed is a task of a Ray cluster whose nodes
    see the folders of the run and of its store at the same path. What is found is the same.

    \b
    Examples:
      redheart sweep --epochs 20
      redheart train --epochs 20 --groups runs/village/groups.toml
      redheart sweep --hierarchical --seeds 3
    """
    if rates is not None and hierarchical:
        raise click.UsageError("--hierarchical tries rates of its own; leave out --rates or --hierarchical")
    tried = None if rates is None else parse_rates(rates)
    asked = SweepOptions(tried, hierarchical, sweep_epochs, seeds, not no_halving)
    wanted = by_task(resources, address)
    of_agents = names_environment(choice, new)
    if of_agents and address is not None:
        raise click.UsageError("agents learn together, in one process; leave --ray out")
    if of_agents and start_from is not None:
        raise click.UsageError("agents begin anew; leave --start-from out")
    here_alone(start_from, address)
    with make_display() as display:
        if of_agents:
            agents = begin_agents(choice, new, display, groups_file)
            folder, found = agents.run.path, find_rates_of_agents(agents, asked, display)
        else:
            session = trained_from(begin(choice, new, display, groups_file), start_from, display.say)
            folder = session.run.path
            if address is None:
                found = find_rates(session, asked.settings(), display)
            else:
                from redheart_scaling.sweeping import sweep_on_ray

                found = sweep_on_ray(session, asked.settings(), display, address, wanted)
    if as_json:
        print_json(found.to_json())
    else:
        show = print_rates_of_agents if of_agents else print_sweep
        show(found)
        if address is not None and found.cost()["updates_saved"]:
            click.echo("the nodes made updates that halving saves one process, as a rate did not wait for the others")
        click.echo(f"rates: {folder / 'groups.toml'}; take them up with redheart train --groups")
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
    print_choices(found)
    for group in found.groups:
        for line in remarks(group, "the validation set is too small to tell them apart"):
            click.echo(f"{group.group}: {line}")
    print_common(found)
    cost = found.cost()
    click.echo(
        f"{cost['short_runs']:.2f} short runs of all groups; halving and faults saved {cost['updates_saved']:.0f} of "
        f"{cost['updates_run'] + cost['updates_saved']:.0f} updates"
    )


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
