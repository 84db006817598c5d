"""What the help of every command shows."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.shell_completion import BashComplete

from redheart_cli.main import cli


def every_command(command: click.Command, name: str = "redheart") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):
            found = command.get_command(context, part)
            assert found is not None
            yield from every_command(found, f"{name} {part}")


EVERY = dict(every_command(cli))


@pytest.mark.parametrize("name", EVERY)
def test_every_option_says_what_it_is(name: str) -> None:
    options = [option for option in EVERY[name].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", [name for name, command in EVERY.items() if isinstance(command, click.Group)])
def test_a_group_shows_whole_sentences(name: str) -> None:
    shown = EVERY[name].get_help(click.Context(EVERY[name]))
    assert "..." not in shown.partition("\nCommands:\n")[2]


@pytest.mark.parametrize(
    ("typed", "begun", "offered"),
    [([], "au", ["auto", "audit"]), (["memory"], "de", ["delete"]), (["train", "--scale"], "f", ["full"])],
)
def test_the_tab_key_completes_commands_and_choices(typed: list[str], begun: str, offered: list[str]) -> None:
    completing = BashComplete(cli, {}, "redheart", "_REDHEART_COMPLETE")
    assert [one.value for one in completing.get_completions(typed, begun)] == offered
