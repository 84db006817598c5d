"""redheart export: a model whose groups are ONNX graphs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_json, print_table, with_interval
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart.exporting import Exported
    from redheart_export.manifest import ExportManifest


@click.command()
@click.argument("model")
@click.option("-o", "--output", type=UserPath(), required=True, help="Folder of the exported model.")
@click.option("--texts", type=UserPath(), help="File with texts on which the answers are compared with PyTorch's.")
@click.option("--run", type=UserPath(), help="Compare on the validation records of this run, if it has moved.")
@click.option("--allow-partial", is_flag=True, help="Leave groups that cannot be exported on PyTorch.")
@click.option("--int8", is_flag=True, help="Keep weights as int8 where a graph gets smaller.")
@click.option(
    "--prune",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="R",
    help="Remove this share of the hidden units of feed-forward blocks, above 0 and below 1.",
)
@json_option
def export(
    model: str,
    output: Path,
    texts: Path | None,
    run: Path | None,
    allow_partial: bool,
    int8: bool,
    prune: float | None,
    as_json: bool,
) -> None:
    """Export MODEL: each checkpoint group as an ONNX graph, which ONNX Runtime computes.

    MODEL is a folder or the name of an installed model. The output is a model folder, which every command takes. Its
    answers are compared with those of PyTorch, by default on the validation records of the model's run. Of --int8 and
    --prune the losses and the metrics on these records are compared too.

    --prune makes feed-forward blocks, as those of transformers, smaller. Units are chosen, and the others corrected, by
    what they do on training records of the run; with --texts on three of four texts, and answers are compared on the
    fourth. Groups without such blocks are named.

    \b
    Examples:
      redheart export runs/village/model -o village-onnx
      redheart export ready -o ready-onnx --texts posts.txt
      redheart export runs/village/model -o village-int8 --int8
      redheart export ready -o ready-small --texts posts.txt --prune 0.25 --int8
    """
    if texts is not None and run is not None:
        raise click.UsageError("give one of --texts and --run")
    from redheart.exporting import export as export_model

    exported = export_model(model, output, texts=texts, run=run, allow_partial=allow_partial, int8=int8, prune=prune)
    if as_json:
        from redheart_core.storage.structuring import unstructure

        print_json({"model": str(exported.folder), **unstructure(exported.manifest)})
    else:
        _print_exported(exported, int8)


def _print_exported(exported: Exported, int8: bool) -> None:
    found = exported.manifest
    head = ["group", "members", "graph", "weights MB", "float32 MB", "graph MB"]
    rows = [
        [
            name,
            str(one.members),
            one.precision,
            *(f"{size / 1e6:.3f}" for size in (one.weights_bytes, one.float32_bytes, one.bytes)),
        ]
        for name, one in found.graphs.items()
    ]
    if found.pruned:
        head += ["hidden units", "left"]
        for row, one in zip(rows, found.graphs.values(), strict=True):
            row += [str(one.hidden_units), str(one.left_units)]
    print_table(head, rows)
    if found.pruned:
        _print_pruned(found)
    click.echo(f"difference from PyTorch on {found.texts} records ({found.source})")
    differences = [(name, f"{one.maximum:.1e}", f"{one.mean:.1e}") for name, one in found.differences.items()]
    print_table(("output", "largest", "mean"), differences)
    kept = [name for name, one in found.graphs.items() if one.precision == "float32"]
    if int8 and kept:
        click.echo(f"float32, as int8 is not smaller: {', '.join(kept)}")
    changes = [name for name, there in (("pruning", found.pruned > 0), ("int8", int8)) if there]
    if changes:
        _print_costs(found, " and ".join(changes))
    print_table(("part", "MB"), [(name, f"{size / 1e6:.3f}") for name, size in exported.sizes.items()])
    for name, reason in found.kept.items():
        click.echo(f"stays on PyTorch: {name}: {reason}")
    click.echo(f"model: {exported.folder}")


def _print_pruned(found: ExportManifest) -> None:
    click.echo(f"pruned: {found.pruned:g} of the hidden units of each feed-forward block, chosen on {found.pruned_on}")
    without = [name for name, one in found.graphs.items() if not one.hidden_units]
    if without:
        click.echo(f"nothing to prune, as there is no feed-forward block: {', '.join(without)}")


def _print_costs(found: ExportManifest, changes: str) -> None:
    if not found.costs:
        click.echo(f"cost of {changes}: not measured, as the answers were compared on texts; leave out --texts")
        return
    click.echo("validation loss, and the difference with its 95 % interval over records")
    costs = [
        (name, f"{one.pytorch:.6f}", f"{one.exported:.6f}", with_interval(one.difference, "+.6f"))
        for name, one in found.costs.items()
    ]
    print_table(("group", "PyTorch", "exported", "difference"), costs)
    click.echo("points of each answer (100 times the metric, more is better), likewise")
    points = [
        (one.metric, f"{one.pytorch:.2f}", f"{one.exported:.2f}", with_interval(one.difference, "+.2f"))
        for cost in found.costs.values()
        for one in cost.points
    ]
    print_table(("metric", "PyTorch", "exported", "difference"), points)
