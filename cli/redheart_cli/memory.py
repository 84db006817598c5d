"""redheart memory: cases kept, loaded as evidence, limited and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from redheart.options import PluginChoice
from redheart_cli.first_help import first_help, print_help
from redheart_cli.listing import ListingGroup
from redheart_cli.memory_options import chosen_options, memory_options, memory_settings, opened
from redheart_cli.memory_search import export, search
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_cli.streams import read_records
from redheart_core.memory.filters import Filter

if TYPE_CHECKING:
    from redheart_core.safety.help import Help


@click.group(cls=ListingGroup)
def memory() -> None:
    """Keep cases and find those that are nearest to a text.

    A memory is a file, or a PostgreSQL database with pgvector: --memory WHERE, or where = "..." under [memory] in
    plugins.toml. Without either nothing is remembered. The vectors are those of one model's encoder; vectors of
    another one are refused.

    \b
    Examples:
      redheart memory load --memory cases.db --data scenarios --set scenarios.path=data/scenarios
      redheart memory search --memory cases.db "He kept the purse that he had found." -k 3
    """


memory.add_command(search)
memory.add_command(export)

keep_text_option = click.option(
    "--keep-text", is_flag=True, help="Keep texts beside their vectors. [default: keep_text under [memory], else not]"
)


@memory.command()
@click.argument("text", required=False)
@memory_options
@click.option("--jsonl", type=UserPath(allow_dash=True),
              help="Add a case for each line: text, id, labels, language, source, licence; or of export.")  # fmt: skip
@click.option("--id", "id_", help="Of the case. [default: made up]")
@click.option("--label", "labels", multiple=True, metavar="NAME=NUMBER",
              help="What is said of the text, such as votes.right=5; repeatable.")  # fmt: skip
@click.option("--language", metavar="CODE", help="Of the text. [default: detected]")
@click.option("--source", help="Who or what the case is from.")
@click.option("--licence", help="SPDX expression of its licence.")
@keep_text_option
@json_option
def add(
    text: str | None,
    where: str,
    model: str | None,
    jsonl: Path | None,
    id_: str | None,
    labels: tuple[str, ...],
    language: str | None,
    source: str | None,
    licence: str | None,
    keep_text: bool,
    as_json: bool,
) -> None:
    """Add TEXT, or the lines of --jsonl, all of them or none.

    The text itself is kept only with --keep-text, though a vector lets parts of a text be guessed. A text with a
    sign of a crisis is answered with who can help, and nothing of it is kept.

    \b
    Examples:
      redheart memory add --memory cases.db "She returned the money that she had found." --label votes.right=5
      redheart memory add --memory cases.db --jsonl cases.jsonl --keep-text
    """
    from redheart.text_files import in_order

    own = {"--id": id_, "--label": labels, "--language": language, "--source": source, "--licence": licence}
    given = [name for name, value in own.items() if value]
    if (text is None) == (jsonl is None):
        raise click.UsageError("give one of TEXT and --jsonl")
    if jsonl is not None and given:
        raise click.UsageError(f"{', '.join(given)}: with --jsonl these stand in the lines")
    help_ = None if text is None else first_help(None, text)
    if help_ is not None:
        _print_help(help_, as_json)
    numbers = dict(map(_label, labels))
    if len(numbers) < len(labels):
        raise click.UsageError("--label: a label is given twice")
    keep = keep_text or memory_settings().keep_text
    with opened(where, model) as found:
        if jsonl is not None:
            records = in_order(lambda on_error: read_records(jsonl, on_error))
            added = found.add_records(records, keep_text=keep)
            result: dict[str, object] = {"added": added, "cases": len(found)}
        else:
            assert text is not None
            with _help_for_crisis(help_ is None, as_json):
                key = found.add(
                    text, id=id_, labels=numbers, language=language, source=source, licence=licence, keep_text=keep
                )
            added, result = 1, {"added": 1, "id": key, "cases": len(found)}
    _report(result, f"{where}: {added} added{f' as {key}' if text is not None else ''}", as_json)


@contextmanager
def _help_for_crisis(wanted: bool, as_json: bool) -> Iterator[None]:
    """Print who can help where vectors show a sign of a crisis that words do not.

    Args:
        wanted: Whether no help is printed yet.
        as_json: How.
    """
    from redheart.crisis import CrisisError

    try:
        yield
    except CrisisError as error:
        if wanted:
            _print_help(error.help, as_json)
        raise


def _print_help(found: Help, as_json: bool) -> None:
    if as_json:
        print_json({"help": found.to_json(), "added": 0})
    else:
        print_help(found)


def _label(given: str) -> tuple[str, float]:
    name, equals, number = given.partition("=")
    try:
        return name.strip(), float(number if equals else "none")
    except ValueError as error:
        raise click.UsageError(f"--label expects NAME=NUMBER, such as votes.right=5, got '{given}'") from error


@memory.command()
@memory_options
@click.option("--run", type=UserPath(), help="Load the training split of a run, with its vectors.")
@click.option("--data", help="Load that of a data set plugin, with vectors of the model's encoder.")
@keep_text_option
@plugin_options
@json_option
def load(
    choice: PluginChoice,
    where: str,
    model: str | None,
    run: Path | None,
    data: str | None,
    keep_text: bool,
    as_json: bool,
) -> None:
    """Load the training split of a run or data set as evidence, with labels, source and licence; no other split.

    Records that are there already are passed over: the same command goes on where it was. Of a text with a sign of a
    crisis nothing is kept.

    \b
    Examples:
      redheart memory load --memory cases.db --model runs/village/model --run runs/village
      redheart memory load --memory cases.db --data scenarios --set scenarios.path=data/scenarios
    """

    if (run is None) == (data is None):
        raise click.UsageError("give one of --run and --data")
    keep = keep_text or memory_settings(choice.plugins_toml).keep_text
    with opened(where, model) as found:
        loaded = found.load_chosen(choice, run, data, keep, progress=True)
        cases = len(found)
    more = f", of {loaded.unknown} the encoder knows no part" if loaded.unknown else ""
    more += f", {loaded.crisis} have a sign of a crisis and are left out" if loaded.crisis else ""
    _report(
        {**attrs.asdict(loaded), "cases": cases},
        f"{where}: {loaded.added} added, {loaded.there} were there{more}; {cases} cases",
        as_json,
    )


@memory.command()
@memory_options
@chosen_options
@click.option("--all", "everything", is_flag=True, help="Delete every case.")
@json_option
def delete(where: str, model: str | None, chosen: Filter, everything: bool, as_json: bool) -> None:
    """Delete the chosen cases, so that the memory's files hold none of their bytes.

    Backups, snapshots of a disk, and the write-ahead log of a PostgreSQL server are outside of what this can reach.

    \b
    Examples:
      redheart memory delete --memory cases.db --id 4f1c
      redheart memory delete --memory cases.db --before 2026-01-01 --source diary
    """
    if everything == bool(chosen):
        raise click.UsageError("give conditions, or --all")
    with opened(where, model) as found:
        deleted = found.delete(chosen, everything=everything)
        cases = len(found)
    _report({"deleted": deleted, "cases": cases}, f"{where}: {deleted} deleted, {cases} cases", as_json)


@memory.command()
@memory_options
@click.option("--days", type=float, help="Keep cases for so many days. [default: for ever]")
@click.option("--cases", "most", type=int, help="Keep at most so many, the newest. [default: all]")
@json_option
def retain(where: str, model: str | None, days: float | None, most: int | None, as_json: bool) -> None:
    """Set how long cases are kept, and delete those beyond it; without an option there is no limit.

    The limits hold from now on whenever cases are added or the memory is opened. Deleting the bytes of what is beyond
    rewrites the file, which takes seconds with 100,000 cases.

    Example: redheart memory retain --memory cases.db --days 90 --cases 10000
    """
    with opened(where, model) as found:
        deleted = found.retain(days=days, cases=most)
        cases = len(found)
    limits = [*([f"{days:g} days"] if days is not None else []), *([f"{most} cases"] if most is not None else [])]
    line = f"{where}: kept are {' and '.join(limits) or 'all'}; {deleted} deleted, {cases} cases"
    _report({"days": days, "most": most, "deleted": deleted, "cases": cases}, line, as_json)


@memory.command()
@memory_options
@json_option
def verify(where: str, model: str | None, as_json: bool) -> None:
    """Read the whole memory and compare it with its seals.

    Example: redheart memory verify --memory cases.db
    """
    with opened(where, model) as found:
        cases = found.verify()
        encoder = found.cases.identity.label
    _report({"cases": cases, "encoder": encoder}, f"{where}: {cases} cases as kept, encoder {encoder}", as_json)


def _report(result: dict[str, object], line: str, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        click.echo(line)
