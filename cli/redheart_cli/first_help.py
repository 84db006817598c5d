"""Help for a person in crisis stands before everything else that a command prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_json
from redheart_core import RedheartError, SettingsError
from redheart_core.storage.bad_rows import BadLineError

if TYPE_CHECKING:
    from redheart_core.safety.help import Help


def first_help(country: str | None, *texts: str) -> Help | None:
    """What core alone says, which needs neither a model nor a plugin; None if the texts have no sign of a crisis.

    Raises:
        SettingsError: The country is no code of two letters.
    """
    from redheart.crisis import find_country
    from redheart_core.safety.help import help_for_texts

    try:
        place = find_country(country)
    except SettingsError:
        found = help_for_texts(texts)
        if found is not None:
            print_help(found, err=True)
        raise
    return help_for_texts(texts, place)


@contextmanager
def help_for_unreadable(country: str | None, as_json: bool) -> Iterator[None]:
    """What cannot be read inside is searched for signs of a crisis, as far as it can be read, before it is refused."""
    try:
        yield
    except BadLineError as error:
        first = first_help(country, str(error.read))
        if first is not None and as_json:
            print_json({"help": first.to_json(), "refused": str(error)})
        elif first is not None:
            print_help(first)
        raise


@contextmanager
def help_where_refused(first: Help | None, as_json: bool) -> Iterator[None]:
    """Help by the words alone stands before an error, where nothing else can be said of them."""
    try:
        yield
    except RedheartError as error:
        if first is not None and as_json:
            print_json({"help": first.to_json(), "refused": str(error)})
        elif first is not None:
            print_help(first)
        raise


def print_help(found: Help, err: bool = False) -> None:
    """Help, and an empty line behind it."""
    for line in (*found.lines(), ""):
        click.echo(line, err=err)
