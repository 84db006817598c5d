"""redheart memory search and export: cases read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.first_help import first_help, help_for_unreadable, help_where_refused, print_help
from redheart_cli.memory_options import chosen_options, memory_options, opened
from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_cli.streams import read_text
from redheart_core.memory.filters import Filter

if TYPE_CHECKING:
    from redheart.memory import Neighbour
    from redheart_core.safety.help import Help

_SHOWN = 6
"""Labels of a case that a table has room for."""


@click.command()
@click.argument("text", required=False)
@memory_options
@click.option("-k", "most", default=5, show_default=True, help="So many cases.")
@chosen_options
@click.option("--exact", is_flag=True, help="Compare with every case, instead of following a graph of neighbours.")
@click.option("--country", metavar="CODE", help="Whose helplines a person in crisis is given. [default: by language]")
@json_option
def search(
    text: str | None,
    where: str,
    model: str | None,
    most: int,
    chosen: Filter,
    exact: bool,
    country: str | None,
    as_json: bool,
) -> None:
    """Show the cases nearest to TEXT with their labels and cosine distance; without TEXT, or with -, standard input.

    The distance is 0 of the same direction and about 1 of unrelated texts. The text is not kept.

    \b
    Examples:
      redheart memory search --memory cases.db "He kept the purse that he had found."
      redheart memory search --memory cases.db "He kept the purse." -k 20 --label votes.wrong --language en --json
    """
    from redheart.crisis import load_safety

    with help_for_unreadable(country, as_json):
        content = read_text(None)[1] if text is None or text == "-" else text
    first = first_help(country, content)
    if first is not None and first.acute:
        _print_found(first, [], as_json)
        return
    with help_where_refused(first, as_json), opened(where, model) as memory:
        found = memory.search(content, most, chosen, exact=exact, safety=load_safety(country))
    _print_found(found.help, found.cases, as_json)


def _print_found(found: Help | None, near: Sequence[Neighbour], as_json: bool) -> None:
    """Help first, and alone where it has to be."""
    if as_json:
        print_json({"help": None if found is None else found.to_json(), "cases": [one.to_json() for one in near]})
        return
    if found is not None:
        print_help(found)
        if found.alone:
            return
    if not near:
        click.echo("no case is chosen")
    else:
        print_table(("DISTANCE", "ID", "LANGUAGE", "SOURCE", "LICENCE", "LABELS", "TEXT"), list(map(_row, near)))


@click.command()
@memory_options
@chosen_options
@click.option("-o", "--output", type=UserPath(), metavar="FILE", help="Write there. [default: standard output]")
def export(where: str, model: str | None, chosen: Filter, output: Path | None) -> None:
    """Write cases as JSON lines behind a line that names the encoder, which `redheart memory add --jsonl` reads.

    \b
    Examples:
      redheart memory export --memory cases.db -o cases.jsonl
      redheart memory export --memory cases.db --source diary
    """
    from redheart_core.storage.files import write_atomically

    with opened(where, model) as found:
        lines = found.export(chosen)
        if output is None:
            for line in lines:
                click.echo(line)
        else:
            write_atomically(output, lambda file: file.writelines(f"{line}\n".encode() for line in lines))


def _row(one: Neighbour) -> tuple[str, ...]:
    from redheart_core.data.text import shorten

    case = one.case
    telling = sorted(((name, number) for name, number in case.labels.items() if number), key=lambda item: -item[1])
    labels = [f"{name}={number:g}" for name, number in itertools.islice(telling, _SHOWN)]
    more = ["..."] if len(telling) > _SHOWN else []
    text = "-" if case.text is None else shorten(case.text)
    named = (case.language or "-", case.source or "-", case.licence or "not stated")
    return (f"{one.distance:.3f}", shorten(case.id, 40), *named, " ".join([*labels, *more]) or "-", text)
