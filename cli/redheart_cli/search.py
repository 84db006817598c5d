"""redheart search: settings of one group by Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import click

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.tuning import SearchOptions, search_session, searchable_session
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json, print_table, with_interval
from redheart_cli.paths import UserPath
from redheart_cli.ray_options import by_task, here_alone, ray_option, resource_option
from redheart_cli.run_options import groups_option, json_option, new_run_options, start_option

if TYPE_CHECKING:
    from redheart_core.tuning.search import SearchResult


@click.command()
@click.option("--group", "name", required=True, metavar="NAME", help="The checkpoint group.")
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True, help="In all, earlier ones too.")
@click.option("--space", "space_file", type=UserPath(), metavar="FILE",
              help="What may change. [default: learning rate, weight decay and every dropout]")  # fmt: skip
@click.option("--pruner", type=click.Choice(["median", "halving"]), default="median", show_default=True,
              help="Stops a trial that is worse than the median so far, or by successive halving.")  # fmt: skip
@click.option("--together", type=click.IntRange(min=1), default=1, show_default=True,
              help="Trials of a round, which see those of earlier rounds alone.")  # fmt: skip
@ray_option
@resource_option
@new_run_options
@start_option
@groups_option
@plugin_options
@json_option
def search(
    choice: PluginChoice,
    name: str,
    trials: int,
    space_file: Path | None,
    pruner: Literal["median", "halving"],
    together: int,
    address: str | None,
    resources: tuple[tuple[str, str, float], ...],
    new: RunOptions,
    start_from: str | None,
    groups_file: Path | None,
    as_json: bool,
) -> None:
    """Search settings of one group for a training with the same options; needs redheart[search].

    Every trial trains the group alone. A space is a TOML file such as

    \b
      [groups.neural_regret.learning_rate]
      low = 1e-4
      high = 1e-2
      log = true
      [plugins.neural_regret.width]
      choices = [36, 72, 144]

    Trials are kept in RUN/search/NAME.journal; the same command goes on where it was, and more
    --trials add to them. The best settings are written beside it, as a file for --plugins, and
    as one for --groups if they are the group's own alone.

    With --start-from, the group begins at a model, as with the same option of redheart train; a
    trial whose settings want weights of another form fails, and the others go on.

    A trial is proposed, and stopped, by those of earlier rounds alone: one with --together 1. With
    more, the trials of a round are the same one after another and, with --ray, at once as tasks
    of a Ray cluster whose nodes see the folders of the run and of its store at the same path.

    \b
    Examples:
      redheart search --group neural_regret --trials 40
      redheart search --group neural_regret --trials 64 --together 8 --ray auto
    """
    wanted, asked = by_task(resources, address), SearchOptions(trials, space_file, pruner, together)
    if address is not None and together == 1:
        raise click.UsageError("--ray trains the trials of a round at once; say how many with --together")
    here_alone(start_from, address)
    with make_display() as display:
        session = searchable_session(choice, new, display, groups_file, name, start_from)
        if address is None:
            found, files = search_session(session, name, asked, display)
        else:
            from redheart_scaling.searching import search_on_ray

            found, files = search_on_ray(session, name, asked, display, address, wanted)
    if as_json:
        print_json(
            {**attrs.asdict(found), "better": found.better, "files": {key: str(at) for key, at in files.items()}}
        )
        return
    print_search(found)
    for option, file in files.items():
        click.echo(f"for --{option}: {file}")


def print_search(found: SearchResult) -> None:
    """The best settings, and whether they beat the group's own."""
    rows = [
        (f"[{kind}.{name}]", key, value)
        for kind, tables in found.settings.items()
        for name, table in tables.items()
        for key, value in table.items()
    ]
    print_table(("table", "setting", "best"), rows)
    click.echo(f"{found.trials} trials, {found.pruned} of them stopped early; the best is number {found.best_trial}")
    click.echo(
        f"validation loss {found.best:.5f}, with the group's own settings {found.own:.5f}: "
        f"{found.difference.mean:+.5f} (standard error {found.difference.error:.5f}); corrected for having chosen on "
        f"validation {with_interval(found.corrected, '+.5f')}"
    )
    if not found.better:
        click.echo("that is within noise: nothing shows that the found settings are better than the group's own")
