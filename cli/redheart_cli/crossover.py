"""redheart crossover: the best epoch of every group in one model."""

from __future__ import annotations

from pathlib import Path

import click

from redheart_cli.options import PluginChoice
from redheart_cli.output import figure, print_json, print_table
from redheart_cli.run_options import json_option
from redheart_cli.session import Session, open_model, open_session
from redheart_cli.sweetspot import choose
from redheart_core import RedheartError
from redheart_core.selection.detectors import NAMES


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the model; RUN/model if not given.")
@click.option("--rule", type=click.Choice([*NAMES]), default="best", show_default=True,
              help="Epoch of each group, as redheart sweetspot names them.")  # fmt: skip
@click.option("--method", metavar="NAME", help="Make each group by a method of the comparison: \"greedy soup\", "
              "\"top ensemble\", ..., or \"chosen\" for what validation prefers for it.")  # fmt: skip
@click.option("--compare", is_flag=True, help="Print every method on every group, and assemble nothing.")
@click.option(
    "--epoch", "epochs", multiple=True, metavar="GROUP=N", help="Take this group at this epoch; may be repeated."
)
@json_option
def crossover(
    run: Path,
    output: Path | None,
    rule: str,
    method: str | None,
    compare: bool,
    epochs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Assemble a model from RUN: the chosen epoch of every group, linked, not rewritten.

    With --method, groups are made of several epochs: means of weights, or ensembles. The validation
    loss of each group in the assembled model has to equal the recorded one exactly; that is
    checked and printed.

    \b
    Examples:
      redheart crossover runs/village --compare
      redheart crossover runs/village --method chosen -o runs/village/chosen
    """
    session = open_session(run, PluginChoice())
    if compare:
        if output is not None or method is not None or epochs:
            raise click.UsageError("--compare assembles nothing; leave -o, --method and --epoch out")
        _print_comparison(session, as_json)
        return
    if method is not None and (epochs or rule != "best"):
        raise click.UsageError("--method chooses by itself; leave --rule and --epoch out")
    folder = output or run / "model"
    checks = assemble_method(session, folder, method) if method else assemble_model(session, folder, rule, epochs)
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

    from redheart_core.models.assembly import assemble, check_exactness
    from redheart_core.runs.retention import add_references
    from redheart_core.storage.files import writing

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
        assemble(folder, session.run, session.context, chosen)
    add_references(session.run.path, {group: entry.epoch for group, entry in chosen.items()})
    _, model = open_model(folder, session.context.settings.device)
    return [attrs.asdict(check) for check in check_exactness(model, session.context)]


def assemble_method(session: Session, folder: Path, method: str) -> list[dict[str, object]]:
    """Assemble what a method of the comparison makes of each group, and check; returns the checks."""
    import attrs

    from redheart_core.models.assembly import assemble, check_exactness
    from redheart_core.models.blending import blend_groups
    from redheart_core.storage.files import writing

    chosen, blends = blend_groups(session.run, session.context, method)
    with writing(folder):
        assemble(folder, session.run, session.context, chosen, blends)
    _, model = open_model(folder, session.context.settings.device)
    return [attrs.asdict(check) for check in check_exactness(model, session.context)]


def _print_comparison(session: Session, as_json: bool) -> None:
    from redheart_core.selection.rivals import compare_methods
    from redheart_core.storage.files import write_json

    rivals, _ = compare_methods(session.run, session.context)
    write_json(session.run.path / "rivals.json", rivals.to_json())
    if as_json:
        print_json(rivals.to_json())
        return
    rows = [
        (
            group,
            name,
            rival.epochs,
            f"{rival.loss:.4f}",
            f"{rival.difference:+.4f} ± {figure(rival.error)}",
            "" if name == "selection" else "yes" if rival.accepted else "no",
        )
        for group, found in rivals.table.items()
        for name, rival in found.items()
    ]
    print_table(("group", "method", "epochs", "validation loss", "less the selection's", "beyond noise"), rows)
    print_table(
        ("method", "mean relative difference over groups"),
        [(name, f"{mean:+.2%} ± {figure(error, '.2%')}") for name, (mean, error) in rivals.sums.items()],
    )
    chosen = ", ".join(f"{group}: {rivals.chosen(group).pick.method}" for group in rivals.table)
    print(f"chosen for each group: {chosen}\nfor all groups together: {rivals.best_method}")
