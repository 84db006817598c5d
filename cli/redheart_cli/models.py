"""`redheart models`: which trained models are installed, what one holds, and whether it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart.shipped import Verified


@click.group()
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
    click.echo(
        f"{verified.title}: {verified.files} files as recorded, {verified.checks} groups reproduce their recorded "
        f"loss, {len(verified.answers)} answers on a text ({', '.join(verified.answers)})"
    )
    for group, reason in verified.missing.items():
        click.echo(f"not in this model: group {group}, {reason}")
