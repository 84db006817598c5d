"""redheart train: every group to its last epoch."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from redheart_cli.display import Display, make_display
from redheart_cli.groups_file import merged_groups
from redheart_cli.options import PluginChoice, plugin_options
from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import RunChoice, groups_option, json_option, new_run_options
from redheart_cli.session import (
    Session,
    data_settings,
    listeners,
    new_session,
    open_session,
    prepare_store,
    train_settings,
)
from redheart_core import RedheartError


@click.command()
@click.option("--resume", is_flag=True, help="Go on with the run in the folder, under the settings it was begun with.")
@new_run_options
@groups_option
@plugin_options
@json_option
def train(
    choice: PluginChoice,
    resume: bool,
    new: RunChoice,
    groups_file: Path | None,
    as_json: bool,
) -> None:
    """Train the active plugins, each checkpoint group on its own.

    Prepares the data if need be. A run can be stopped at any moment and resumed; the
    result is the same to the last bit. The exit code is 3 if a group stopped at a fault.

    \b
    Examples:
      redheart train --epochs 10
      redheart train --enable advanced_regret
      redheart train --groups runs/village/groups.toml
      redheart train --resume -o runs/village
    """
    with make_display() as display:
        if resume:
            if not new.changes_nothing or groups_file is not None:
                raise click.UsageError("--resume takes data and settings from the run; leave the other options out")
            session = open_session(new.output or Path("runs") / "village", with_listening(choice), display)
        else:
            session = begin(choice, display, new, groups_file)
            if session.run.exists:
                raise RedheartError(
                    f"{session.run.path} holds a run already; --resume it or choose another folder with -o"
                )
        stopped = train_session(session)
    if as_json:
        print_json({"run": str(session.run.path), "stopped": stopped})
    else:
        rows = []
        for group in session.context.groups:
            manifest = session.run.group(group.name).read()
            best = f"{manifest.best.epoch} ({manifest.best.validation_loss:.4f})" if manifest.epochs else "-"
            rows.append((group.name, group.tier, manifest.status, len(manifest.epochs), best))
        print_table(("group", "tier", "status", "epochs", "best validation"), rows)
        print(f"run: {session.run.path}")
    if stopped:
        raise SystemExit(3)


def with_listening(choice: PluginChoice) -> PluginChoice:
    """Plugins of event hooks alone are no part of a run, so plugins.toml and the options are asked anew for them."""
    from redheart_registry.report import list_plugins

    rows = list_plugins(choice.plugins_toml, choice.enable, choice.disable)
    listening = [row.name for row in rows if row.active and row.kind in ("events", "")]  # a broken one: to be refused
    return attrs.evolve(choice, enable=tuple(dict.fromkeys((*choice.enable, *listening))))


def begin(choice: PluginChoice, display: Display, new: RunChoice, groups_file: Path | None = None) -> Session:
    """A session under the current settings; prepares the store if need be."""
    registry = choice.load(listeners(display))
    groups = merged_groups(registry, groups_file)
    settings, training = data_settings(registry, **new.data), train_settings(registry, **new.training)
    folder = new.output or Path("runs") / settings.dataset
    store = prepare_store(registry, new.store or folder / "store", settings, display)
    session = new_session(registry, folder, store, training, groups)
    from redheart_core.training.notes import data_notes

    for line in (*left_out(session), *data_notes(session.context)):
        click.echo(line, err=True)
    return session


def left_out(session: Session) -> list[str]:
    """What plugins do without since the data set lacks it: one line per plugin."""
    bound = {node.name: node.spec for node in session.context.nodes}
    lines = []
    for node in session.registry.nodes(session.context.settings.scale):
        optional = {*node.spec.optional_reads, *node.spec.optional_targets}
        used = {*bound[node.name].optional_reads, *bound[node.name].optional_targets}
        if optional - used:
            lines.append(f"{node.name}: built without {', '.join(sorted(optional - used))}, which the data set lacks")
    return lines


def train_session(session: Session) -> dict[str, str]:
    """Train; returns the groups that stopped, with the reason."""
    from redheart_core.training.loop import train as train_run

    return train_run(session.run, session.context, session.registry.hooks)
