"""redheart search: settings of one group by Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import click

from redheart_cli.display import make_display
from redheart_cli.options import PluginChoice, plugin_options
from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import RunChoice, groups_option, json_option, new_run_options
from redheart_core import RedheartError

if TYPE_CHECKING:
    from redheart_cli.session import Session
    from redheart_core.tuning.search import SearchResult


@click.command()
@click.option("--group", "name", required=True, metavar="NAME", help="The checkpoint group.")
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True, help="In all, earlier ones too.")
@click.option("--space", "space_file", type=click.Path(path_type=Path), metavar="FILE",
              help="What may change. [default: learning rate, weight decay and every dropout]")  # fmt: skip
@click.option("--pruner", type=click.Choice(["median", "halving"]), default="median", show_default=True,
              help="Stops a trial that is worse than the median so far, or by successive halving.")  # fmt: skip
@new_run_options
@groups_option
@plugin_options
@json_option
def search(
    choice: PluginChoice,
    name: str,
    trials: int,
    space_file: Path | None,
    pruner: Literal["median", "halving"],
    new: RunChoice,
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

    Trials are kept in RUN/search/NAME.db; the same command goes on where it was, and more
    --trials add to them. The best settings are written beside it, as a file for --plugins, and
    as one for --groups if they are the group's own alone.

    \b
    Example: redheart search --group neural_regret --trials 40
    """
    from redheart_cli.train import begin
    from redheart_core.tuning.search import search as search_group
    from redheart_core.tuning.search_space import default_space, read_space
    from redheart_registry.plugins_toml import parse_file

    with make_display() as display:
        session = begin(choice, display, new, groups_file)
        groups = {group.name: group for group in session.context.groups}
        if name not in groups:
            raise RedheartError(f"there is no group '{name}' (groups: {', '.join(sorted(groups))})")
        group = groups[name]
        space = read_space(parse_file(space_file), str(space_file), group) if space_file else default_space(group)
        found = search_group(session.run, session.context, group, space, trials, pruner, display.progress)
    files = write_settings(session, found)
    if as_json:
        print_json(
            {**attrs.asdict(found), "better": found.better, "files": {key: str(at) for key, at in files.items()}}
        )
        return
    print_search(found)
    for option, file in files.items():
        print(f"for --{option}: {file}")


def write_settings(session: Session, found: SearchResult) -> dict[str, Path]:
    """The best settings as files; option to file.

    One for --groups alone is written only if no plugin's setting was searched: it would be a mixture nobody tried.
    """
    import tomli_w

    from redheart_core.config.tables import GroupSettings
    from redheart_core.storage.files import write_bytes
    from redheart_core.storage.settings import as_table

    folder = session.run.path / "search"
    document = session.registry.plugins_toml.document()
    plain = as_table(GroupSettings())
    groups = {
        group.name: {key: value for key, value in as_table(group.settings).items() if plain.get(key) != value}
        for group in session.context.groups
    }
    groups = {name: table for name, table in _merge(groups, found.settings.get("groups", {})).items() if table}
    plugins = _merge(document["plugins"], found.settings.get("plugins", {}))
    files = {"plugins": folder / f"{found.group}.plugins.toml"}
    write_bytes(files["plugins"], tomli_w.dumps({**document, "plugins": plugins, "groups": groups}).encode())
    if "plugins" not in found.settings:
        files["groups"] = folder / f"{found.group}.groups.toml"
        write_bytes(files["groups"], tomli_w.dumps({"groups": found.settings["groups"]}).encode())
    return files


def print_search(found: SearchResult) -> None:
    """The best settings, and whether they beat the group's own."""
    rows = [
        (f"[{kind}.{name}]", key, value)
        for kind, tables in found.settings.items()
        for name, table in tables.items()
        for key, value in table.items()
    ]
    print_table(("table", "setting", "best"), rows)
    print(f"{found.trials} trials, {found.pruned} of them stopped early; the best is number {found.best_trial}")
    corrected = found.corrected
    print(
        f"validation loss {found.best:.5f}, with the group's own settings {found.own:.5f}: "
        f"{found.difference.mean:+.5f} (standard error {found.difference.error:.5f}); corrected for having chosen on "
        f"validation {corrected.value:+.5f} ({corrected.low:+.5f}..{corrected.high:+.5f})"
    )
    if not found.better:
        print("that is within noise: nothing shows that the found settings are better than the group's own")


def _merge(tables: Mapping[str, Mapping[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**tables.get(name, {}), **more.get(name, {})} for name in {**tables, **more}}
