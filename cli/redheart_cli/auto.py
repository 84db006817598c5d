"""redheart auto: settings and plugins, chosen for every group by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from redheart.automating import Automated, AutoOptions, EncoderRow, Objective, automate
from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json, print_table, with_interval
from redheart_cli.paths import UserPath
from redheart_cli.run_options import groups_option, json_option, new_run_options, start_option
from redheart_core.tuning.choice_words import candidate_name, short_name, verdict

if TYPE_CHECKING:
    from redheart_core.evaluation.switching import Left
    from redheart_core.tuning.choice import CandidateRow, GroupChoice

SECONDS = {"s": 1, "m": 60, "h": 3600}
OBJECTIVES = ("loss", "latency", "memory")
ROWS = 8
"""Candidates of a front, and settings, that are printed of each group."""


@click.command()
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True,
              help="Candidates of every group in all, earlier ones too.")  # fmt: skip
@click.option("--time", "duration", metavar="TIME", help="No candidate begins after so long, such as 90s, 30m or 2h.")
@click.option("--space", "space_file", type=UserPath(), metavar="FILE",
              help="What may change. [default: scale, rate, decay, dropout, techniques, optional inputs]")  # fmt: skip
@click.option("--objectives", default="loss", show_default=True, metavar="loss[,latency][,memory]",
              help="What the sampler lowers.")  # fmt: skip
@click.option("--prefer", type=click.Choice(["quality", "cost"]), default="quality", show_default=True,
              help="Take the lowest loss, or the cheapest within a standard error of it.")  # fmt: skip
@click.option("--sampler", type=click.Choice(["tpe", "random"]), default="tpe", show_default=True,
              help="By a model of what was tried, or by chance alone.")  # fmt: skip
@click.option("--pruner", type=click.Choice(["median", "halving"]), default="median", show_default=True,
              help="Stops a candidate that is worse than the median so far, or by successive halving.")  # fmt: skip
@click.option("--try-encoder", "encoders", multiple=True, metavar="NAME[,NAME]",
              help="Search with this encoder, or several at once; repeatable.")  # fmt: skip
@click.option("--from", "warm", type=UserPath(), metavar="RUN", help="A run whose best candidates are tried first.")
@new_run_options
@start_option
@groups_option
@plugin_options
@json_option
def auto(
    choice: PluginChoice,
    trials: int,
    duration: str | None,
    space_file: Path | None,
    objectives: str,
    prefer: Literal["quality", "cost"],
    sampler: Literal["tpe", "random"],
    pruner: Literal["median", "halving"],
    encoders: tuple[str, ...],
    warm: Path | None,
    new: RunOptions,
    start_from: str | None,
    groups_file: Path | None,
    as_json: bool,
) -> None:
    """Choose settings of every group, and leave out what adds nothing; needs redheart[search].

    For a training with the same options. All groups are searched side by side: so many --trials
    cost so many trainings, however many groups there are. Validation records alone are looked
    at; gains are corrected for the number of trials. A space is a file as for redheart search,
    of any groups.

    Everything is kept in RUN/auto, and the same command goes on where it was; it may run several
    times at once, in the same folder. The result is a plugins.toml for redheart run --plugins.

    With --try-encoder a search is made for each encoder, in RUN/ENCODER, and that with the lowest
    validation losses is taken.

    With --start-from, groups begin at a model, as with the same option of redheart train and of the
    redheart run that follows; what would change the form of their weights is not tried.

    \b
    Examples:
      redheart auto --trials 20 --time 30m
      redheart auto --trials 20 --try-encoder lsa --try-encoder lsa,use_multilingual
      redheart run -o runs/chosen --store runs/village/store --plugins runs/village/auto/plugins.toml
    """
    wanted = AutoOptions(
        trials=trials,
        seconds=None if duration is None else parse_time(duration),
        space=space_file,
        objectives=parse_objectives(objectives),
        prefer=prefer,
        sampler=sampler,
        pruner=pruner,
        warm=warm,
        encoders=tuple(tuple(one.split(",")) for one in encoders),
        start_from=start_from,
    )
    with make_display() as display:
        found = automate(choice, new, wanted, display, groups_file)
    if as_json:
        print_json(found.to_json())
    else:
        print_automated(found)


def parse_time(text: str) -> float:
    """Seconds of "90s", "30m" or "2h"."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text)
    if match is None or float(match[1]) <= 0:
        raise click.UsageError(f"--time expects a time above 0 such as 90s, 30m or 2h, got '{text}'")
    return float(match[1]) * SECONDS[match[2]]


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """The names of "loss,latency"."""
    names = tuple(text.split(","))
    if names[0] != "loss" or len(set(names)) < len(names) or not set(names) <= set(OBJECTIVES):
        raise click.UsageError(f"--objectives expects loss, then latency, memory or both, got '{text}'")
    return cast("tuple[Objective, ...]", names)


def print_automated(found: Automated) -> None:
    """What was chosen for every group, what it gains, what it costs, and what does not matter."""
    result = found.result
    if found.encoder is not None:
        print_encoders(found.encoders, found.encoder)
    for choice in result.groups:
        print_choice(choice, result.trials)
    click.echo(
        f"mean over groups, corrected for having chosen on validation: {with_interval(result.gain, '+.2%')} "
        "validation loss (below 0 is better; over validation records, with one seed)"
    )
    print_off(found.off)
    click.echo(f"report: {found.report}")
    click.echo(f"for --plugins: {found.plugins}")
    if found.groups is not None:
        click.echo(f"for --groups: {found.groups}")


def print_encoders(rows: Sequence[EncoderRow], best: EncoderRow) -> None:
    """How the searches with each encoder compare, and which is shown."""
    first = rows[0]
    print_table(
        ("encoder", f"validation loss against {first.encoder}", "in"),
        [(one.encoder, "-" if one is first else with_interval(one.difference, "+.2%"), one.folder) for one in rows],
    )
    beyond = "" if best is first else ", beyond noise" if best.difference.is_below(0.0) else ", within noise"
    click.echo(f"taken: {best.encoder}{beyond} (mean over groups, over validation records, with one seed); with it:")


def print_choice(choice: GroupChoice, trials: int) -> None:
    """One group."""
    less = f" of {trials}, as the time was over" if choice.trials < trials else ""
    click.echo(
        f"{choice.group}: {choice.trials} candidates{less}; {choice.stopped_early} stopped early, "
        f"{len(choice.failures)} failed"
    )
    for number, reason in choice.failures.items():
        click.echo(f"  candidate {number} failed: {reason}")
    for line in verdict(choice):
        click.echo(f"  {line}")
    if len(choice.candidates) == 1:
        return
    front = sorted((one for one in choice.candidates if one.front), key=lambda one: (one.loss, one.number))
    print_table(
        ("candidate", "loss", "MFLOP", "ms", "MB", "settings"),
        [
            (
                candidate_name(one),
                f"{one.loss:.5f}",
                f"{one.cost.flops / 1e6:.3f}",
                f"{one.cost.milliseconds:.2f}",
                f"{one.cost.bytes / 1e6:.2f}",
                _values(one, choice.group),
            )
            for one in front[:ROWS]
        ],
        indent="  ",
    )
    if len(front) > ROWS:
        click.echo(f"  and {len(front) - ROWS} more that no other one beats in all of loss, arithmetic and memory")
    print_settings(choice)


def print_settings(choice: GroupChoice) -> None:
    """What matters and what does not."""
    if not choice.rows:
        click.echo("  too few candidates came to their end to say which settings matter: it takes 10")
        return
    mattering = [row for row in choice.rows if row.matters]
    if mattering:
        listed = ", ".join(
            f"{short_name(row.name, choice.group)} ({row.importance or 0.0:.0%} of the variance, p {row.p:.2g})"
            for row in mattering
        )
        click.echo(f"  matters: {listed}")
    idle = [short_name(row.name, choice.group) for row in choice.rows if not row.matters]
    if idle:
        click.echo(f"  no effect beyond chance: {', '.join(idle)}")


def print_off(off: tuple[Left, ...]) -> None:
    """The groups that the fusions do without."""
    for one in off:
        added = ", ".join(f"{field.field} {with_interval(field.gain, '+.2f')} %" for field in one.additions)
        click.echo(f"left out: {one.group}, which takes away of the fused loss: {added}")


def _values(one: CandidateRow, group: str) -> str:
    return ", ".join(
        f"{short_name(name, group)}={value:.3g}" if isinstance(value, float) else f"{short_name(name, group)}={value}"
        for name, value in one.values.items()
    )
