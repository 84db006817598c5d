"""redheart data: raw records to an embedding store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart.options import PluginChoice
from redheart.progress import make_display
from redheart.stores import inspect_data, prepare_data
from redheart_cli.encoder import encoder as encoder_command
from redheart_cli.label import label as label_command
from redheart_cli.listing import ListingGroup
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.ray_options import by_task, ray_option, resource_option
from redheart_cli.run_options import data_options, json_option

if TYPE_CHECKING:
    from redheart_core.data.disk_use import DiskUse
    from redheart_core.data.division import ClusterReport
    from redheart_core.inspection.inspect import Inspection


@click.group(cls=ListingGroup)
def data() -> None:
    """Label, prepare and inspect data."""


data.add_command(label_command)
data.add_command(encoder_command)


@data.command()
@data_options
@click.option("-o", "--output", type=UserPath(), help="Folder of the store; runs/DATASET/store if not given.")
@ray_option
@resource_option
@plugin_options
@json_option
def prepare(
    choice: PluginChoice,
    dataset: str | None,
    encoder: str | None,
    output: Path | None,
    address: str | None,
    resources: tuple[tuple[str, str, float], ...],
    as_json: bool,
) -> None:
    """Read a data set, split it, fit the encoder on its train part and store all embeddings.

    A prepared store is reused; one that was interrupted is finished.

    With --ray, the nodes of a Ray cluster encode the records, 1,000 at a time; they see the folder of the store and
    plugins.toml at the same path. The store is the same to the last byte.

    \b
    Examples:
      redheart data prepare --data scenarios --set scenarios.path=data/scenarios
      redheart data prepare --data kote --encoder use_multilingual -o /shared/kote --ray auto
    """
    wanted = by_task(resources, address)
    with make_display() as display:
        if address is None:
            store = prepare_data(choice, dataset, encoder, output, display)
        else:
            from redheart_scaling.preparing import prepare_on_ray

            store = prepare_on_ray(choice, dataset, encoder, output, display, address, wanted)
    folder = store.folder
    index = store.index
    if as_json:
        print_json({"store": str(folder), "index": index.to_json()})
        return
    made = f"encoder {index.encoder.label}" if store.has_texts else "no texts"
    click.echo(f"{folder}: data set {index.dataset}, {len(store)} records, {made}")
    print_splits(index.counts, index.split_report.wanted)
    print_clusters(index.split_report.clusters)
    rows = [(field.name, ", ".join(field.labels) or "-", index.coverage[field.name]) for field in store.fields.values()]
    print_table(("field", "labels", "records"), rows)


@data.command()
@click.option("--store", "folder", type=UserPath(), help="Folder of a prepared store.")
@data_options
@click.option("-o", "--output", type=UserPath(), metavar="FILE", help="Write the JSON document there too.")
@plugin_options
@json_option
def inspect(
    choice: PluginChoice,
    folder: Path | None,
    dataset: str | None,
    encoder: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Look at a data set before training: coverage, balance, noise, baselines, near-duplicates and what is wrong.

    Looks at a prepared store, or prepares the data as `redheart data prepare` does, in a temporary folder. Figures
    are of the train split, baselines and the noise of votes of validation; no prediction is made on the test split.
    Entropies are in bits.

    \b
    Examples:
      redheart data inspect --store runs/village/store
      redheart data inspect --data scenarios --set scenarios.path=data/scenarios
    """
    from redheart_core.inspection.findings import INSPECTION

    if folder is not None and (dataset or encoder or choice != PluginChoice()):
        raise click.UsageError("--store is prepared already; leave the options that say how to prepare data out")
    with make_display() as display:
        found = inspect_data(choice, dataset, encoder, folder, display)
    if output is not None:
        INSPECTION.write(output, found)
    if as_json:
        print_json(found.to_json())
    else:
        print_inspection(found)


def print_inspection(found: Inspection) -> None:
    """Tables of splits, fields, labels and baselines, then near-duplicates, and the warnings last."""
    click.echo(f"data set {found.dataset}, {sum(found.counts.values())} records")
    if found.encoder:
        click.echo(f"encoder: {found.encoder}; tokenizers: {', '.join(found.tokenizers) or 'none'}")
        stated = (f"{code or 'not stated'} {count}" for code, count in found.languages.items())
        click.echo(f"languages: {', '.join(stated)}")
    print_splits(found.counts, found.wanted)
    click.echo()
    _print_fields(found)
    click.echo()
    _print_labels(found)
    click.echo()
    _print_baselines(found)
    click.echo()
    if found.disk.text:
        _print_duplicates(found)
        click.echo()
    _print_disk(found.disk)
    click.echo()
    for warning in found.warnings:
        click.echo(warning)
    click.echo(f"{len(found.warnings) or 'no'} warning{'' if len(found.warnings) == 1 else 's'}")


def print_splits(counts: Mapping[str, int], wanted: Mapping[str, float]) -> None:
    """Records per split beside those that the rule of division wants."""
    total = sum(counts[split] for split in wanted)
    rows = [
        (split, count, _share(count, total), _share(wanted[split], total))
        if split in wanted
        else (split, count, "", "")
        for split, count in counts.items()
    ]
    print_table(("split", "records", "share", "wanted"), rows)


def print_clusters(clusters: Sequence[ClusterReport]) -> None:
    """The largest sets of near-duplicates."""
    for one in clusters:
        places = ", ".join(f"{split} {count}" for split, count in one.splits.items())
        click.echo(f"  {one.records} near-duplicates ({places}): {', '.join(one.ids)}: {one.example}")


def _print_fields(found: Inspection) -> None:
    splits = tuple(found.fields[0].coverage) if found.fields else ()
    rows = []
    for field in found.fields:
        shares = [_share(field.coverage[split], found.counts[split]) for split in splits]
        noise = field.noise
        if field.votes:
            votes = field.votes
            noise = (
                f"{noise}: entropy {votes.entropy:.4f} nats; at best cross-entropy {votes.cross_entropy:.4f}, "
                f"macro-F1 {votes.macro_f1:.4f} (sd {votes.macro_f1_sd:.4f})"
            )
        rows.append((field.name, field.kind, *shares, _number(field.class_entropy), noise))
    print_table(("field", "kind", *splits, "class entropy", "noise floor"), rows)


def _print_labels(found: Inspection) -> None:
    rows = []
    for field in found.fields:
        for label in field.labels:
            name = field.name if label.label == field.name else f"{field.name}.{label.label}"
            over = f"{label.bins} bins" if label.bins else "values"
            grid = f"step {label.grid.step:.4g}, error {label.grid.error:.3g}" if label.grid else "-"
            figures = (_number(label.mean), _number(label.standard_deviation), label.distinct)
            rows.append((name, *figures, _number(label.entropy), over, _number(label.imbalance), grid))
    print_table(("label in train", "mean", "sd", "distinct", "entropy", "over", "imbalance", "rounded to"), rows)
    click.echo("imbalance: share of ones, of records where the label is the largest, or of the most frequent value")


def _print_baselines(found: Inspection) -> None:
    rows = [
        (field.name, figure.metric, figure.direction, _number(figure.constant), _number(figure.linear))
        for field in found.fields
        for figure in field.baselines
    ]
    print_table(("baselines on validation", "metric", "better", "constant", "linear"), rows)
    for field in found.fields:
        if field.baselines_note:
            click.echo(f"{field.name}: {field.baselines_note}")


def _print_duplicates(found: Inspection) -> None:
    duplicates = found.duplicates
    click.echo(
        f"sets of near-duplicates and declared clusters: {duplicates.sets}, with {duplicates.records} records, "
        f"the largest with {duplicates.largest}"
        f"; within one split: {_counts(duplicates.within)}; across splits: {duplicates.across}, not counting excluded "
        f"records: {duplicates.leaking}"
    )
    print_clusters(duplicates.clusters)
    if duplicates.examples:
        click.echo(f"  two near-duplicates of each of {len(duplicates.examples)} sets:")
    for example in duplicates.examples:
        for id_, split, text in zip(example.ids, example.splits, example.texts, strict=True):
            click.echo(f"    {split} {id_}: {text}")


def _print_disk(disk: DiskUse) -> None:
    rows = [
        (part, f"{bytes_ / 1e6:.2f}", f"{bytes_ / disk.text:.2f}" if part != "encoder" and disk.text else "")
        for part, bytes_ in {"text": disk.text, **disk.parts}.items()
        if bytes_
    ]
    print_table(("on disk", "MB", "by text"), rows)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def _share(part: float, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if math.isfinite(value) else "inf"
