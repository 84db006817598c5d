"""redheart analyze: a text to answers."""

from __future__ import annotations

import gc
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redheart_cli.first_help import first_help, help_for_unreadable, help_where_refused, print_help
from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.ray_options import by_task, ray_option, resource_option
from redheart_cli.run_options import json_option
from redheart_cli.streams import read_records, read_text, to_json
from redheart_core.data.text import check_text

if TYPE_CHECKING:
    from redheart import Analysis, Explanation, Model

SOME_REFUSED = 4


@click.command()
@click.argument("given", nargs=-1, metavar="[MODEL] [TEXT]")
@click.option("--file", type=UserPath(), help="Read one text from a file.")
@click.option("--jsonl", type=UserPath(allow_dash=True),
              help="Read one JSON object with a 'text' per line, - for standard input; give one per line.")  # fmt: skip
@click.option(
    "--texts",
    type=UserPath(),
    help="Read many texts: lines of a .txt, rows of a .csv, objects of a .jsonl; needs --output.",
)
@click.option("--column", metavar="NAME", help="Of a .csv or .jsonl, where the texts are. [default: text]")
@click.option("-o", "--output", type=UserPath(), help="Where the answers on --texts go: a .jsonl or a .csv.")
@click.option("--language", metavar="CODE", help="Language of the texts, such as en or ko. [default: detected]")
@click.option("--country", metavar="CODE",
              help="Whose helplines a person in crisis is given, such as US or KR. [default: by language]")  # fmt: skip
@click.option("--reasons", is_flag=True, help="Also show why the answers are as they are.")
@click.option("--memory", metavar="WHERE",
              help="Also show the nearest cases of this memory. [default: where under [memory]]")  # fmt: skip
@click.option("--details", is_flag=True, help="Also print what every single plugin says.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@ray_option
@resource_option
@json_option
def analyze(
    given: tuple[str, ...],
    file: Path | None,
    jsonl: Path | None,
    texts: Path | None,
    column: str | None,
    output: Path | None,
    language: str | None,
    country: str | None,
    reasons: bool,
    memory: str | None,
    details: bool,
    device: str,
    address: str | None,
    resources: tuple[tuple[str, str, float], ...],
    as_json: bool,
) -> None:
    """Analyze TEXT with MODEL; without TEXT, or with -, the text comes from standard input.

    MODEL is a folder, or the name of an installed model (redheart models list); without it the
    installed model answers.

    Plugins that read more than a text (persons, a history, signals) take those fields from
    the objects of --jsonl, named as in the data set. A line of --jsonl that cannot be analyzed
    gives a line with the reason as "refused", and the next ones go on; the exit code is then 4.

    --texts is for files of any length: progress is shown, and the same command resumes what was
    stopped, to the same bytes. Lines of the output name their line of the
    input and hold no text. In a .csv labels that the answer stands behind are words, and values
    numbers; --details adds every number, and to a .jsonl what every single plugin says. With --ray,
    the nodes of a Ray cluster answer; they see the model's folder at the same path.

    One answer per task: that of a fusion of all plugins that answer it, or of the plugin that is
    best on validation where no fusion gathers the task. The most telling tasks come first: labels
    that are predicted, shares and numbers that lie a standard deviation of the training records
    from their mean; the others are named as not unusual. A task is answered in the
    languages that it was measured in and is named with the reason otherwise. The language is
    detected, or stated with --language, or as "language" of an object or in a column of that name.
    --details prints every number of every plugin; --json has them too. A number that rests on
    untrained parts of a module has a warning.

    A text with signs of self-harm, violence or danger is first answered with who can help, in its
    own language, and with nothing else unless the sign is doubtful or of worry about others. No text
    is stored.

    --memory names a memory of cases (redheart memory --help): its nearest cases are shown with
    their labels or votes and their distance, and there is a warning where none is similar or their
    labels differ from an answer more than usual.

    --reasons shows, for the first number of each task, what each explanation of the installed
    packages says: what each sentence of the text (each word, where it is one sentence) adds to the
    mean over the training records, and without which parts the answer would turn; of a fused answer
    what each module adds; of a utility how it follows by the exact hedonic calculus from the
    circumstances, burdens and layers of context that are answered.

    \b
    Examples:
      redheart analyze "I told my neighbour the truth about the fence."
      redheart analyze runs/village/model --file post.txt --details
      redheart analyze runs/village/model --jsonl posts.jsonl > findings.jsonl
      redheart analyze --texts posts.csv --column body -o answers.csv
    """
    model, text = model_and_text(given, any(source is not None for source in (file, jsonl, texts)))
    if sum(source is not None for source in (text, file, jsonl, texts)) > 1:
        raise click.UsageError("give one of TEXT, --file, --jsonl and --texts")
    if (texts is None) != (output is None) or (column is not None and texts is None):
        raise click.UsageError("--texts FILE and --output FILE belong together, and --column to them")
    if (jsonl is not None or texts is not None) and reasons:
        raise click.UsageError("--reasons explains one text; give it as TEXT or with --file")
    if address is not None and texts is None:
        raise click.UsageError("--ray spreads the texts of a file over a cluster; name it with --texts")
    wanted = by_task(resources, address)
    if jsonl is not None:
        with _remembering(_load(model, device, country), memory) as loaded:
            _say_which(loaded, model)
            _exit_if_refused(print_lines(loaded, jsonl, language))
        return
    if texts is not None and output is not None:
        with _remembering(_load(model, device, country), memory) as loaded:
            _say_which(loaded, model)
            _exit_if_refused(write_lines(loaded, texts, output, column, language, details, address, wanted))
        return
    with help_for_unreadable(country, as_json):
        where, content = ("text", text) if text is not None and text != "-" else read_text(file)
    first = first_help(country, content)  # before anything that may fail or takes seconds
    if first is not None and first.acute and not as_json:
        print_help(first)
        return
    with help_where_refused(first, as_json):
        check_text(content, where)  # before the model is loaded
        with _remembering(_load(model, device, country), memory) as loaded:
            explained = loaded.explain(content, language=language, where=where) if reasons else None
            found = explained.analysis if explained else loaded.analyze_record(content, where, language)
    if found.help is not None and not as_json:
        print_help(found.help)
        if found.help.alone:
            return
    _say_which(loaded, model)  # behind help, which is the first line
    if as_json:
        _print_warnings(found)
        print_json((explained or found).to_json())
        return
    print_analysis(found, details)
    if explained:
        _print_reasons(explained)


def print_analysis(found: Analysis, details: bool = False) -> None:
    """The page of an analysis, and on demand every number that every plugin gives."""
    from redheart.analysis import DETAILS, LAYER_DETAILS
    from redheart.page import COLUMNS

    page = found.page
    click.echo(page.head)
    if page.rows:
        print_table(COLUMNS, page.rows)
    for note in page.notes:
        click.echo(note)
    if not details and page.rows:
        click.echo("what the tasks mean, and every number: --details")
    if details:
        click.echo()
        for plugin, fields in found.not_analyzed.items():
            click.echo(f"not analyzed by {plugin}: it reads {', '.join(fields)}; give them with --jsonl")
        for answer in found.answers:
            click.echo(f"{answer.field}: {answer.about.meaning}")
        print_table(DETAILS, list(found.details()))
        if said := list(found.layer_details()):
            click.echo()
            print_table(LAYER_DETAILS, said)


def _print_reasons(explained: Explanation) -> None:
    """Of the first number of each task on the page, what each explanation says."""
    from redheart.reasons import columns, rows

    if not explained.shown:
        click.echo(
            "\nno reasons, as no label or number is sure enough to show; --reasons --json has those of every answer"
        )
    for one, reason in explained.shown:
        click.echo()
        name = reason.field if reason.label == reason.field else f"{reason.field}, {reason.label}"
        click.echo(f"{name}: {reason.value:.2f}, where {reason.usual:.2f} is usual")
        print_table(columns(one), list(rows(one, reason)))
        if turning := explained.turning(reason):
            click.echo(turning)


def _print_warnings(found: Analysis) -> None:
    """What a page says of the model and against its numbers, for those who read JSON."""
    from redheart.page import UNLIMITED

    for group, reason in found.missing.items():
        click.echo(f"not in this model: group {group}, {reason}", err=True)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    if found.answers and found.unlimited:
        click.echo(f"warning: {UNLIMITED}", err=True)


def _warn_of_limits(model: Model) -> None:
    """Once, before many texts are answered."""
    from redheart.page import UNLIMITED

    if model.limit_texts_wanted is not None:
        click.echo(f"warning: {UNLIMITED}", err=True)


def print_lines(model: Model, file: Path, language: str | None) -> bool:
    """One JSON line for each line of a file, as soon as it is known; returns whether none was refused.

    Lines of standard input are answered one by one, those of a file together.
    """
    from redheart.analyzing import WINDOW, Refused, in_windows
    from redheart.batch_lines import batch_json
    from redheart.batches import answer_items
    from redheart.text_files import in_order

    _warn_of_limits(model)
    refused = False
    items = in_order(lambda on_error: read_records(file, on_error))
    for window in in_windows(items, 1 if str(file) == "-" else WINDOW):
        for _, given, found in answer_items(model, window, language):
            refused |= isinstance(found, Refused)
            _print_line(batch_json(None, given, found, details=True))
    return not refused


def write_lines(
    model: Model,
    file: Path,
    output: Path,
    column: str | None,
    language: str | None,
    details: bool,
    address: str | None,
    asked: Mapping[str, Mapping[str, float]],
) -> bool:
    """A file of texts to a file of answers, which is resumed; returns whether no text was refused."""
    _warn_of_limits(model)
    if address is None:
        result = model.analyze_file(file, output, column=column, language=language, details=details)
    else:
        from redheart_scaling.analyzing import analyze_on_ray

        result = analyze_on_ray(model, file, output, address, asked, column=column, language=language, details=details)
    before = f", {result.resumed:,} of them before" if result.resumed else ""
    click.echo(f"{result.output}: {result.lines:,} texts{before}; {result.refused:,} refused", err=True)
    for complaint in result.complaints:
        click.echo(f"refused: {complaint}", err=True)
    if result.refused > len(result.complaints):
        click.echo(f"and {result.refused - len(result.complaints):,} more; the output names all of them", err=True)
    return not result.refused


def _exit_if_refused(none_refused: bool) -> None:
    if not none_refused:
        raise SystemExit(SOME_REFUSED)


def _print_line(line: dict[str, Any]) -> None:
    click.echo(to_json(line))


def model_and_text(given: Sequence[str], read_elsewhere: bool) -> tuple[str | None, str | None]:
    """Which of at most two arguments is the model and which the text.

    One alone is the model where it names a folder or an installed model, or where the text comes from a file.

    Raises:
        UsageError: There are more than two, the last one is a file, or one alone looks like a folder and is none.
    """
    if len(given) > 2:
        raise click.UsageError(f"expects at most MODEL and TEXT, got {len(given)} arguments; quote the text")
    if given and not read_elsewhere and os.path.isfile(given[-1]):
        raise click.UsageError(
            f"'{given[-1]}' is a file; --file takes one text out of it, --texts many, --jsonl records"
        )
    if len(given) != 1:
        return (given[0], given[1]) if given else (None, None)
    (one,) = given
    if read_elsewhere:
        return one, None
    if one == "-":
        return None, one
    from redheart_registry.models import is_model_name

    if any(os.path.exists(unicodedata.normalize(form, one)) for form in ("NFC", "NFD")) or is_model_name(one):
        return one, None
    if re.fullmatch(r"[.~]?[\w.-]*(/[\w.-]*)+", one):
        raise click.UsageError(f"there is no folder '{one}'; if it is the text, give it with --file or standard input")
    return None, one


def _remembering(model: Model, memory: str | None) -> AbstractContextManager[Model]:
    """The model with the memory that the option or plugins.toml names; as it is if neither does."""
    from redheart_cli.memory_options import memory_settings

    place = memory or memory_settings().where
    return model.remembering(place) if place else nullcontext(model)


def _load(model: str | None, device: str, country: str | None) -> Model:
    """The model."""
    import redheart

    loaded = redheart.load(model, device=device, country=country)
    gc.freeze()  # it stays until the end, so no search for cycles has to go through it
    return loaded


def _say_which(loaded: Model, model: str | None) -> None:
    """Which model answers where none is named, and what it lacks on this machine, on stderr."""
    from redheart.page import absences

    if model is None:
        click.echo(f"answered by the model {loaded.title}", err=True)
    for reason in loaded.broken:
        click.echo(f"warning: {reason}", err=True)
    for line in absences(loaded.absent):
        click.echo(line, err=True)
