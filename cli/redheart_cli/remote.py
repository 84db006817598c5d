"""redheart push and redheart pull: runs and models to an object store and back."""

from __future__ import annotations

from pathlib import Path

import click

from redheart_cli.paths import UserPath


@click.command()
@click.argument("folder", metavar="RUN|MODEL", type=UserPath())
@click.argument("url")
def push(folder: Path, url: str) -> None:
    """Send RUN or MODEL to the folder URL of an object store.

    Of a run go run.json, the store, every group and the logs: what a training needs to go on,
    and everything else is computed from. What is there already stays. Works for every protocol
    that fsspec knows (s3:// with s3fs installed, gs:// with gcsfs, ...); keys are those that
    this library finds by itself.

    \b
    Examples:
      redheart push runs/village s3://bucket/village
      redheart push runs/village/model s3://bucket/model
    """
    from redheart.remote import push as send

    moved = send(folder, url)
    click.echo(f"{url}: sent {moved}, {moved.there} were there")


@click.command()
@click.argument("url")
@click.argument("folder", type=UserPath())
def pull(url: str, folder: Path) -> None:
    """Fetch the run or model at URL into FOLDER.

    Every file is compared with its SHA-256. A folder that holds the run already is brought to
    where the object store is, and files that are damaged are replaced.

    \b
    Examples:
      redheart pull s3://bucket/village runs/village
      redheart pull s3://bucket/model model
    """
    from redheart.remote import pull as fetch

    moved = fetch(url, folder)
    click.echo(f"{folder}: fetched {moved}, {moved.there} were there")
