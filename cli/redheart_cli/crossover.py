"""redheart crossover: the best epoch of every group in one model."""

from __future__ import annotations

from pathlib import Path

import click

from redheart_cli.options import PluginChoice
from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import json_option
from redheart_cli.session import Session, open_model, open_session
from redheart_cli.sweetspot import NAMES, choose
from redheart_core import RedheartError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the model; RUN/model if not given.")
@click.option("--rule", type=click.Choice([*NAMES]), default="best", show_default=True,
              help="Epoch of each group, as redheart sweetspot names them.")  # fmt: skip
@click.option(
    "--epoch", "epochs", multiple=True, metavar="GROUP=N", help="Take this group at this epoch; may be repeated."
)
@json_option
def crossover(run: Path, output: Path | None, rule: str, epochs: tuple[str, ...], as_json: bool) -> None:
    """Assemble a model from RUN: the chosen epoch of every group, linked, not rewritten.

    The validation loss of each group in the assembled model has to equal the recorded one
    exactly; that is checked and printed.
    """
    session = open_session(run, PluginChoice())
    folder = output or run / "model"
    checks = assemble_model(session, folder, rule, epochs)
    if as_json:
        print_json({"model": str(folder), "groups": checks})
        return
    print_table(
        ("group", "epoch", "recorded validation loss", "assembled", "equal"),
        [(c["group"], c["epoch"], repr(c["recorded"]), repr(c["assembled"]), "yes") for c in checks],
    )
    print(f"model: {folder}")


def assemble_model(
    session: Session, folder: Path, rule: str = "best", epochs: tuple[str, ...] = ()
) -> list[dict[str, object]]:
    """Assemble and check; returns the checks."""
    import attrs

    from redheart_core.files import writing
    from redheart_core.model import assemble, check_exactness
    from redheart_core.retention import add_references

    chosen = choose(session.run.path).chosen(rule)
    for text in epochs:
        group, _, number = text.partition("=")
        if group not in chosen or not number.isdigit():
            raise click.UsageError(
                f"--epoch expects GROUP=N with a group of the run ({', '.join(chosen)}), got '{text}'"
            )
        entry = session.run.group(group).read().entry(int(number))
        if entry is None:
            raise RedheartError(f"epoch {number} of group '{group}' is not on disk")
        chosen[group] = entry
    with writing(folder):
        assemble(folder, session.run, session.trainer, chosen)
    add_references(session.run.path, {group: entry.epoch for group, entry in chosen.items()})
    _, model = open_model(folder, session.trainer.settings.device)
    return [attrs.asdict(check) for check in check_exactness(model, session.trainer)]
