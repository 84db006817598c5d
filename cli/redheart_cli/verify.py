"""redheart verify and redheart repair: whether every file is as recorded, and what to do if not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart.agents import is_agents_run
from redheart_cli.output import print_json
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_core.contract.errors import CheckpointError
from redheart_core.storage.presence import require_run

if TYPE_CHECKING:
    from redheart_core.runs.verifying import Found


@click.command()
@click.argument("folder", metavar="RUN|MODEL|TEAM|STORE", type=UserPath())
@json_option
def verify(folder: Path, as_json: bool) -> None:
    """Compare every file that RUN, MODEL, TEAM or STORE names with its recorded SHA-256.

    Of a run: epochs, averages, optimizer states and losses of every group, results, the store, and the models below it.
    Of a run of agents: the same of every agent, from where all of them go on, and the teams below it. Nothing is loaded
    or computed; redheart models verify also lets a model answer. The exit code is 1 if anything is damaged or missing.

    Example: redheart verify runs/village
    """
    found = look(folder)
    if as_json:
        print_json({"files": found.files, "damaged": found.damaged, "groups": sorted(found.groups)})
    else:
        for line in found.damaged:
            click.echo(line)
        click.echo(f"{folder}: {found.files} files as recorded, {len(found.damaged)} damaged or missing")
        if found.groups and not is_agents_run(folder):
            click.echo(f"redheart repair {folder} takes {', '.join(sorted(found.groups))} back to the last good epoch")
    raise SystemExit(int(bool(found.damaged)))


@click.command()
@click.argument("run", type=UserPath())
@click.option("--yes", is_flag=True, help="Do not ask.")
def repair(run: Path, yes: bool) -> None:
    """Take the damaged groups of RUN back to their last good epoch; all others stay as they are.

    That is the newest one with an optimizer state before which nothing is damaged; without one a group begins again.
    Damaged files and those of later epochs are moved to RUN/damaged. redheart train --resume then trains these epochs
    again, to the same bits as before. What else is damaged is named, and left.

    Example: redheart repair runs/village
    """
    from redheart_core.models.repairing import repair_groups

    require_run(run)
    found = look(run)
    for line in found.damaged:
        click.echo(line)
    if not found.groups:
        click.echo("no group is damaged")
        raise SystemExit(int(bool(found.damaged)))
    names = ", ".join(sorted(found.groups))
    if is_agents_run(run):
        raise CheckpointError(
            f"files of {names} are damaged, and agents only go on together; restore the run from a copy, or train "
            "again into another folder"
        )
    if not yes:
        click.confirm(
            f"give up the epochs of {names} from the first damaged file on (they are moved to {run / 'damaged'})?",
            abort=True,
        )
    for moved in repair_groups(run, found.groups):
        click.echo(moved.said)
    click.echo(f"redheart train --resume -o {run} goes on")


def look(folder: Path) -> Found:
    """Verify a run, a model, a team or an embedding store."""
    from redheart_core.models.verifying import verify_model, verify_run, verify_store
    from redheart_core.runs.description import RUN_DESCRIPTION
    from redheart_core.runs.verifying import Found
    from redheart_core.storage.presence import require_model_folder
    from redheart_export.opening import exported_files

    if (folder / "run.json").exists():
        readable = Found().check(lambda: RUN_DESCRIPTION.read(folder / "run.json"))
        if not readable or not is_agents_run(folder):
            return verify_run(folder, exported_files)
        from redheart_core.agents.verifying import verify_agents  # with torch, which the others do without

        return verify_agents(folder)
    if (folder / "team.json").exists():
        from redheart_core.agents.verifying import verify_team  # as above

        return verify_team(folder)
    if (folder / "index.json").exists():
        return verify_store(folder)
    require_model_folder(folder)
    return verify_model(folder, exported_files)
