"""--resource: what the tasks of every command with --ray ask of a node."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from front_door import refuse

from redheart_cli.main import cli
from redheart_core import SettingsError
from redheart_scaling.cluster import Resources, resources_for


def commands(group: click.Group, name: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """All of them, with what is typed for each."""
    context, found = click.Context(group), dict[tuple[str, ...], click.Command]()
    for one in group.list_commands(context):
        command = group.get_command(context, one)
        assert command is not None
        found |= commands(command, (*name, one)) if isinstance(command, click.Group) else {(*name, one): command}
    return found


def test_every_command_with_a_cluster_takes_resources() -> None:
    options = {name: {one.name for one in command.params} for name, command in commands(cli).items()}
    spread = {name for name, found in options.items() if "address" in found and "resources" in found}
    assert spread == {("analyze",), ("bench", "crossover"), ("data", "prepare"), ("search",), ("sweep",), ("train",)}
    shown = {name for name, command in commands(cli).items() if any("--ray" in one.opts for one in command.params)}
    assert shown == spread


@pytest.mark.parametrize(
    "command",
    [
        *(("bench", "crossover", "village"), ("data", "prepare"), ("search", "--group", "backbone"), ("sweep",)),
        *(("train",), ("analyze", "--texts", "texts.txt", "-o", "answers.csv")),
    ],
    ids=lambda command: command[0],
)
def test_resources_without_a_cluster_are_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "texts.txt").write_text("I am glad.\n")
    refuse(*command, "--resource", "one+other.cpus=2", cwd=tmp_path, says=["name one with --ray"], code=2)
    refuse(*command, "--resource", "one.cpu=2", cwd=tmp_path, says=["TASK.cpus|gpus|memory_mb=NUMBER"], code=2)
    assert {path.name for path in tmp_path.iterdir()} == {"texts.txt"}


def test_a_task_asks_for_what_is_said_and_else_for_the_usual() -> None:
    usual = {"a": Resources(cpus=2), "b": Resources(cpus=1, gpus=1)}
    assert resources_for(usual, {"b": {"memory_mb": 500.0, "gpus": 0.5}}) == {
        "a": Resources(cpus=2),
        "b": Resources(cpus=1, gpus=0.5, memory_mb=500.0),
    }
    with pytest.raises(SettingsError, match=r"'c', which is no task here \(tasks: a, b\)"):
        resources_for(usual, {"c": {"cpus": 1.0}})
