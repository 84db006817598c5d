"""redheart decompose: which analyzers are redundant, unique or synergistic for a target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redheart.runs import open_run
from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart_core.data.store import Store
    from redheart_core.evaluation.decomposition import Decomposition

PARTS = ("synergistic", "unique", "redundant", "leak")


@click.command()
@click.argument("run", type=UserPath())
@click.option("--target", required=True, metavar="FIELD[.LABEL]", help="What is to be explained, such as emotion.fear.")
@click.option("--source", "sources", multiple=True, metavar="NODE.OUTPUT[.LABEL]",
              help="What explains it; repeatable. [default: every output that learns the field]")  # fmt: skip
@click.option("--split", default="train", show_default=True, help="Whose records count.")
@click.option("--bins", type=click.IntRange(min=2), default=4, show_default=True, help="Quantile bins per variable.")
@click.option("--jsonl", type=UserPath(), metavar="FILE",
              help="Write every record of the store with its shares as the field causal_parts.")  # fmt: skip
@json_option
def decompose(
    run: Path, target: str, sources: tuple[str, ...], split: str, bins: int, jsonl: Path | None, as_json: bool
) -> None:
    """Decompose what the analyzers of RUN say of a target, by SURD with shuffle correction.

    The outputs are those of each group's best epoch. Terms name the sources by number:
    R12 is what 1 and 2 share, U1 what 1 alone has, S12 what only both together have.
    The file of --jsonl is a data set on which neural_surd and surd_head learn the shares.

    \b
    Examples:
      redheart decompose runs/village --target regret
      redheart decompose runs/scenarios --target emotion.fear --jsonl parts.jsonl
    """
    opened = open_run(run)
    found = opened.decompose(target, sources, split=split, bins=bins)
    if jsonl is not None:
        _write(jsonl, opened.session.context.store, found)
    if as_json:
        print_json(to_json(found))
    else:
        _print(found)


def to_json(found: Decomposition) -> dict[str, Any]:
    """The decomposition as JSON values."""
    from redheart_core.exact.surd_sampling import figures

    plain, corrected = figures(found.surd.plain), figures(found.surd.corrected)
    return {
        "target": found.target,
        "sources": list(found.sources),
        "bins": found.bins,
        "records": found.records,
        "well_sampled": found.surd.plain.well_sampled,
        "target_entropy": found.surd.plain.target_entropy,
        "confidence": found.surd.confidence,
        "figures": {
            name: {
                "plain": plain[name],
                "corrected": corrected[name],
                "interval": list(found.surd.intervals[name].ends),
            }
            for name in plain
        },
    }


def _print(found: Decomposition) -> None:
    document = to_json(found)
    for number, source in enumerate(found.sources, 1):
        click.echo(f"{number}: {source}")
    rows = [
        (name, f"{figure['plain']:.4f}", f"{figure['corrected']:.4f}",
         f"{figure['interval'][0]:.4f}..{figure['interval'][1]:.4f}")
        for name, figure in document["figures"].items()
    ]  # fmt: skip
    print_table(("term", "plain bits", "corrected bits", f"{found.surd.confidence:.0%} interval"), rows)
    click.echo(
        f"target {found.target}: {document['target_entropy']:.4f} bits in {found.bins} bins, {found.records} records"
        + ("" if document["well_sampled"] else "; few records per cell, so look at the corrected figures")
    )


def _write(path: Path, store: Store, found: Decomposition) -> None:
    from redheart_core.storage.files import writing

    shares = dict(zip(found.rows, found.shares.tolist(), strict=True))
    with writing(path), path.open("w", encoding="utf-8") as stream:
        for row, identity in enumerate(store.ids):
            line: dict[str, Any] = {"id": identity, "text": store.text(row)}
            if row in shares:
                line["causal_parts"] = dict(zip(PARTS, shares[row], strict=True))
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
