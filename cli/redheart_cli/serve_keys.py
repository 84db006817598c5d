"""redheart serve keys: who may ask a server, and for what."""

from __future__ import annotations

from pathlib import Path

import click

from redheart_cli.listing import ListingGroup
from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option


@click.group(cls=ListingGroup)
def keys() -> None:
    """Add, list and revoke the keys of a server.

    FILE holds a digest of each key and never the key itself. A server that was started with --keys FILE reads it again
    on SIGHUP.

    \b
    Examples:
      redheart serve keys add keys.json counsellor --scope analyze --scope decide
      redheart serve keys list keys.json
      redheart serve keys revoke keys.json counsellor
    """


@keys.command()
@click.argument("file", type=UserPath())
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, metavar="SCOPE",
              help="analyze, decide, memory, metrics, or read (models and plugins); repeatable.")  # fmt: skip
@click.option("--per-minute", type=click.IntRange(1, 1_000_000), default=600, show_default=True,
              help="Requests; those of ten seconds may come at once.")  # fmt: skip
def add(file: Path, name: str, scopes: tuple[str, ...], per_minute: int) -> None:
    """Add a key called NAME to FILE and print it; nothing shows it again.

    Example: redheart serve keys add keys.json prometheus --scope metrics
    """
    from redheart_server.keys import add_key

    click.echo(add_key(file, name, scopes, per_minute))


@keys.command()
@click.argument("file", type=UserPath())
@click.argument("name")
def revoke(file: Path, name: str) -> None:
    """Revoke the key called NAME in FILE; a server that runs has to read the file again: kill -HUP PID.

    Example: redheart serve keys revoke keys.json counsellor
    """
    from redheart_server.keys import revoke_key

    revoke_key(file, name)
    click.echo(f"{name} is revoked; a server that runs refuses it once it has got SIGHUP")


@keys.command("list")
@click.argument("file", type=UserPath())
@json_option
def list_command(file: Path, as_json: bool) -> None:
    """Show the keys in FILE without their digests.

    Example: redheart serve keys list keys.json --json
    """
    from redheart_server.keys import read_keys

    found = read_keys(file)
    if as_json:
        names = ("id", "name", "scopes", "per_minute", "made", "revoked")
        print_json([{name: getattr(key, name) for name in names} for key in found])
    elif not found:
        click.echo("there is no key")
    else:
        rows = [
            (key.name, key.id, ", ".join(key.scopes), str(key.per_minute), key.made, key.revoked or "-")
            for key in found
        ]
        print_table(("NAME", "ID", "SCOPES", "A MINUTE", "MADE", "REVOKED"), rows)
