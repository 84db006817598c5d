"""What the commands print of teams of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_table, with_interval

if TYPE_CHECKING:
    from redheart_core.agents.teams import TeamEvaluation

BEYOND = "the best common epoch, beyond the chance of these episodes; another training may say otherwise"


def print_teams(found: TeamEvaluation) -> None:
    """Every team with what it got, as a table, and what that is measured on."""
    groups = list(next(iter(found.teams.values())).agents)
    print_table(
        ("team", "epochs", "return of all (95 %)", "over the common epoch (95 %)", *groups),
        [
            (
                name,
                ", ".join(str(team.epochs[group]) for group in groups) if team.epochs else "-",
                with_interval(team.team, ".3f"),
                "-" if name.startswith("common epoch") else with_interval(team.gain, "+.3f"),
                *(with_interval(team.agents[group], ".3f") for group in groups),
            )
            for name, team in found.teams.items()
        ],
    )
    click.echo(
        f"{found.episodes} {found.purpose} episodes of {found.environment}, the same ones for each team, without "
        "noise; returns are sums of rewards, not discounted"
    )
    gain, chosen = found.teams["crossover"].gain, found.teams["crossover"].epochs
    if any(team.epochs == chosen for name, team in found.teams.items() if name.startswith("common epoch")):
        click.echo("each agent's best epoch is the best common one: the crossover is the same team")
    elif found.opposition is not None:
        click.echo(found.opposition.words)
    elif gain.is_above(0.0):
        click.echo(f"the crossover gets more than {BEYOND}")
    elif gain.is_below(0.0):
        click.echo(f"the crossover gets less than {BEYOND}")
    else:
        click.echo("whether the crossover gets more or less than the best common epoch, these episodes do not say")
    if found.purpose == "test":
        click.echo(f"the run's test episodes have been played {found.readings} time(s)")
