"""Help for a person in crisis stands before everything else that a command prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from redheart_core import SettingsError

if TYPE_CHECKING:
    from redheart_core.safety.help import Help


def first_help(text: str, country: str | None) -> Help | None:
    """What core alone says, which needs neither a model nor a plugin; None if the text has no sign of a crisis.

    Raises:
        SettingsError: The country is no code of two letters.
    """
    from redheart.crisis import find_country
    from redheart_core.safety.help import help_for_text

    try:
        place = find_country(country)
    except SettingsError:
        found = help_for_text(text)
        if found is not None:
            print_help(found, err=True)
        raise
    return help_for_text(text, place)


def print_help(found: Help, err: bool = False) -> None:
    """Help, and an empty line behind it."""
    for line in (*found.lines(), ""):
        click.echo(line, err=err)
