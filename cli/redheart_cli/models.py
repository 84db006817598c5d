"""`redheart models`: which trained models are installed, what one holds, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from redheart_cli.listing import ListingGroup
from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart.shipped import Described, Verified


@click.group(cls=ListingGroup)
def models() -> None:
    """List, describe and verify trained models."""


@models.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """Show the installed models; the only one answers where a command names none.

    Example: redheart models list
    """
    from redheart_registry.models import shipped_models

    found = shipped_models()
    if as_json:
        print_json([{**attrs.asdict(model), "folder": str(model.folder)} for model in found])
    elif not found:
        click.echo("no model is installed; redheart run trains one of your own")
    else:
        rows = [(model.name, model.version, model.distribution, model.meaning) for model in found]
        print_table(("NAME", "VERSION", "DISTRIBUTION", "MEANING"), rows)


@models.command("activate")
@click.argument("model")
@click.argument("link", type=UserPath())
@click.option("--pid-file", type=UserPath(), metavar="FILE", help="Of a server that runs; it loads MODEL now.")
def activate_command(model: str, link: Path, pid_file: Path | None) -> None:
    """Have LINK point to MODEL once MODEL is verified, and have a server that was started with LINK load it.

    No request is lost: those under way are answered by the model from before.

    \b
    Examples:
      redheart models activate runs/village/model live
      redheart serve live --pid-file server.pid
      redheart models activate runs/better/model live --pid-file server.pid
    """
    from redheart.activating import activate

    found = activate(model, link, pid_file)
    click.echo(f"{link} is {found.title}: {found.files} files as recorded, answers {', '.join(found.answers)}")
    if pid_file is not None:
        click.echo("the server loads it; its log says when")


@models.command("info")
@click.argument("model", required=False)
@click.option("--card", "as_card", is_flag=True, help="Print the model card in Markdown.")
@json_option
def info_command(model: str | None, as_card: bool, as_json: bool) -> None:
    """Show what MODEL answers, what each group was learnt from under which licence, and what it is worth.

    MODEL is the name of an installed model or a folder; without it, the installed model.

    \b
    Examples:
      redheart models info ready
      redheart models info runs/village/model --card > CARD.md
    """
    from redheart.shipped import card, describe
    from redheart_core.storage.structuring import unstructure

    if as_card and as_json:
        raise click.UsageError("give one of --card and --json")
    if as_card:
        click.echo(card(model), nl=False)
        return
    found = describe(model)
    if as_json:
        manifest = unstructure(found.manifest)
        print_json(
            {
                "title": found.title,
                "meaning": found.meaning,
                "megabytes": found.megabytes,
                "absent": dict(found.absent),
                **manifest,
            }
        )
    else:
        _print_described(found)


@models.command("pack")
@click.argument("model")
@click.option("-o", "--output", type=UserPath(), required=True, help="Folder of the copy.")
@click.option("--without", multiple=True, metavar="GROUP", help="Leave a group out; repeatable.")
def pack_command(model: str, output: Path, without: tuple[str, ...]) -> None:
    """Copy MODEL into a folder that can be given away, with its figures on the test split of each data set.

    The copy knows no way to its run. A group whose licence does not suit is left out by --without; the files of the
    others stay as they are.

    \b
    Examples:
      redheart models pack runs/village/model -o village-model
      redheart models pack ready -o my-model --without linear_apart
    """
    from redheart.packing import pack

    packed = pack(model, output, without=without)
    click.echo(f"packed {packed.folder}: {', '.join(packed.assembled.manifest.groups)}")


@models.command("verify")
@click.argument("model", required=False)
@json_option
def verify_command(model: str | None, as_json: bool) -> None:
    """Compare every file of MODEL with its recorded SHA-256, load it, and let it answer.

    MODEL is the name of an installed model or a folder; without it, the installed model.

    Example: redheart models verify ready
    """
    from redheart.shipped import verify

    verified = verify(model)
    if as_json:
        print_json(attrs.asdict(verified))
    else:
        _print_verified(verified)


def _print_verified(verified: Verified) -> None:
    from redheart.page import absences

    of = "a text" if verified.reads_texts else "a record of fields"
    answers = f"{len(verified.answers)} answers on {of} ({', '.join(verified.answers)})"
    click.echo(
        f"{verified.title}: {verified.files} files as recorded, {verified.checks} groups reproduce their recorded "
        f"loss, {answers if verified.answers else f'no answer on {of} alone'}"
    )
    for group, reason in verified.missing.items():
        click.echo(f"not in this model: group {group}, {reason}")
    for line in absences(verified.absent):
        click.echo(line)


def _print_described(found: Described) -> None:
    """Head, groups and figures of a model."""
    from redheart.page import absences
    from redheart_core.report.card import answers_in_words, measured
    from redheart_core.safety.adapted import installed
    from redheart_core.safety.vectors import reads_vectors_of

    manifest = found.manifest
    click.echo(f"{found.title}: {found.meaning}")
    answers = [f"{field} ({languages})" for field, languages in answers_in_words(manifest).items()]
    click.echo(f"  answers: {', '.join(answers)}")
    for part in manifest.data.encoder.parts:
        click.echo(f"  encoder: {part.name}, {part.revision}")
    known = reads_vectors_of(part.revision for part in manifest.data.encoder.parts)
    voters = "alone, not by its vectors"
    if known:
        voters = "and its vectors, in English by adapters too" if installed() else "and its vectors, without adapters"
    click.echo(f"  signs of a crisis: found by words {voters}")
    click.echo(f"  size: {found.megabytes:.1f} MB")
    if manifest.origin is not None:
        click.echo(f"  made by: {manifest.origin.command}")
        click.echo(f"  commit: {manifest.origin.commit or 'not known'}")
    for name, reason in manifest.missing.items():
        click.echo(f"  not in this model: group {name}, {reason}")
    for line in absences(found.absent):
        click.echo(f"  {line}")
    rows = [
        (name, one.dataset, one.licence or "not stated", str(one.records), one.source or "not stated")
        for name, group in manifest.groups.items()
        for one in group.learnt_from
    ]
    click.echo("learnt from")
    print_table(("GROUP", "DATA SET", "LICENCE", "RECORDS", "SOURCE"), rows, "  ")
    figures = measured(manifest)
    if figures:
        click.echo(
            f"answers measured on the {figures[0].split} split, with 95 % intervals over records (--card: every group)"
        )
        cells = [
            (
                one.field,
                one.dataset,
                one.output.partition(".")[0],
                one.metric,
                f"{one.value:.3f}",
                "-" if one.low is None or one.high is None else f"{one.low:.3f}..{one.high:.3f}",
                str(one.records),
            )
            for one in figures
        ]
        print_table(("FIELD", "DATA SET", "ANSWERED BY", "METRIC", "VALUE", "INTERVAL", "RECORDS"), cells, "  ")
