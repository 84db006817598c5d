"""redheart bench: what a plugin is worth, and how its parameters are spread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click

from redheart.crossover_bench import compare_over_seeds
from redheart.fusion_bench import measure_fusion
from redheart.options import PluginChoice, RunOptions
from redheart.plugin_bench import measure_plugin, sizes_by_scale
from redheart.progress import make_display
from redheart_cli.bench_train import train
from redheart_cli.listing import ListingGroup
from redheart_cli.numbers import FiniteRange
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json
from redheart_cli.paths import UserPath
from redheart_cli.ray_options import by_task, ray_option, resource_option
from redheart_cli.run_options import groups_option, json_option, new_run_options
from redheart_core import SCALES
from redheart_core.storage.files import write_bytes
from redheart_registry.details import known_fields

HEADING = "## Card"


@click.group(cls=ListingGroup)
def bench() -> None:
    """Measure plugins, methods and the training loop."""


bench.add_command(train)


@bench.command()
@click.argument("name")
@new_run_options
@plugin_options
@click.option("--run", "finished", type=UserPath(), metavar="RUN",
              help="Measure the plugin as it was trained in this run, instead of training it.")  # fmt: skip
@click.option("--write", type=UserPath(), metavar="README",
              help="Put the card into this file, under the heading 'Card'.")  # fmt: skip
@click.option(
    "--timing-scale", type=click.Choice(SCALES), default="full", show_default=True, help="Scale at which it is timed."
)
@json_option
def plugin(
    name: str,
    choice: PluginChoice,
    new: RunOptions,
    finished: Path | None,
    write: Path | None,
    timing_scale: str,
    as_json: bool,
) -> None:
    """Train NAME with what it reads, and write its card: metrics, ablations, time.

    The metrics are those of the best epoch on the validation split, beside the constant mean
    and a ridge regression on the mean embedding. An ablation sets the parameters of one
    submodule to zero; what is fitted in closed form has none. With --run, the card also says what
    its group adds to the fusion of the run, if there is one.

    \b
    Examples:
      redheart bench plugin neural_regret
      redheart bench plugin advanced_bentham --run runs/village --write plugins/advanced_bentham/README.md
    """
    if finished is not None and (new.output is not None or not new.changes_nothing):
        raise click.UsageError("--run takes data and settings from the run; leave the other options out")
    with make_display() as display:
        card = measure_plugin(name, choice, new, finished, timing_scale, display)
    if write is not None:
        _put(write, card_text(card))
    if as_json:
        print_json(card)
    else:
        click.echo(card_text(card))


@bench.command()
@click.argument("run", type=UserPath())
@click.option("--write", type=UserPath(), metavar="FILE", help="Put the table into this file, under 'Card'.")
@plugin_options
@json_option
def fusion(run: Path, choice: PluginChoice, write: Path | None, as_json: bool) -> None:
    """Leave each group of a finished RUN out of its fusion in turn; nothing is trained anew.

    A cell is the share of the loss without the group that the group takes away, in percent, with
    its 95 % interval, paired record by record on the validation split; the weights of the fusion
    have not seen the record. A group adds something if an interval lies above zero.

    \b
    Examples:
      redheart bench fusion runs/village
      redheart bench fusion runs/village --write plugins/stacking_fusion/README.md
    """
    from redheart_core.evaluation.additions import additions_table

    with make_display() as display:
        found = measure_fusion(run, choice, display)
    table = f"`redheart bench fusion {run}`: {max(one.records for one in found)} validation records.\n\n"
    table += additions_table(found)
    if write is not None:
        _put(write, table.rstrip("\n"))
    if as_json:
        print_json([attrs.asdict(one) for one in found])
    else:
        click.echo(table)


@bench.command()
@click.argument("name")
@plugin_options
@json_option
def parameters(name: str, choice: PluginChoice, as_json: bool) -> None:
    """Parameters of NAME by submodule at every scale, on a data set with all fields; nothing is allocated."""
    registry = choice.with_sources(name).load()
    sizes = sizes_by_scale(name, registry, known_fields(registry, name))
    if as_json:
        print_json(sizes)
    else:
        click.echo(_size_table(sizes))


def _size_table(sizes: Mapping[str, Mapping[str, int]]) -> str:
    names = list(dict.fromkeys(part for table in sizes.values() for part in table))
    rows = [(part, *(f"{sizes[scale].get(part, 0):,}" for scale in SCALES)) for part in names]
    rows.append(("**all**", *(f"{sum(sizes[scale].values()):,}" for scale in SCALES)))
    return markdown(("submodule", *SCALES), rows)


def card_text(card: Mapping[str, Any]) -> str:
    """A card as Markdown."""
    lines = [
        f"`redheart bench plugin {card['plugin']}`: data {card['data']}, scale {card['scale']}, best epoch "
        f"{card['epoch']} of {card['epochs']}, {card['records']} validation records"
        + ("; a row of ablations sets the parameters of that submodule to zero." if card["ablations"] else "."),
        "",
    ]
    if card["metrics"]:
        rows = [
            (
                f"{m['metric']} ({m['direction']})",
                *("-" if m[key] is None else f"{m[key]:.4f}" for key in ("node", "constant", "linear", "exact")),
            )
            for m in card["metrics"]
        ]
        lines += [markdown(("metric", card["plugin"], "constant", "linear", "exact calculator"), rows), ""]
    if card["ablations"]:
        main = card["metrics"][0]["metric"] if card["metrics"] else "metric"
        whole = card["metrics"][0]["node"] if card["metrics"] else None
        rows = [("(whole)", "", "-" if whole is None else f"{whole:.4f}", "")]
        rows += [
            (a["submodule"], f"{a['parameters']:,}", "-" if a["metric"] is None else f"{a['metric']:.4f}",
             f"{a['loss_gain']:+.4f}")
            for a in card["ablations"]
        ]  # fmt: skip
        lines += [markdown(("without", "parameters", main, "validation loss"), rows), ""]
    if card["adds"]:
        lines += ["What its group adds to the fusion, in percent of the loss without it (`redheart bench fusion`):", ""]
        gains = [
            (one["field"], f"{one['fusion']} of {one['members']}", _percent(one["gain"]), _yes(one["adds"]))
            for one in card["adds"]
        ]  # fmt: skip
        lines += [markdown(("field", "fusion", "gain", "adds"), gains), ""]
    if card["expert_load"]:
        lines += [f"Mean weight of the experts: {', '.join(f'{share:.3f}' for share in card['expert_load'])}.", ""]
    lines += ["Parameters at every scale, on a data set with all fields:", "", _size_table(card["parameters"]), ""]
    rows = [
        (f"{t['parameters']:,}", t["chunks"], f"{t['forward']:.1f}",
         *(("-", "-") if t["step"] is None else (f"{t['step']:.1f}", f"{t['samples_per_second']:.0f}")))
        for t in card["timings"]
    ]  # fmt: skip
    what = (
        f"{', '.join(card['timed'])} at scale {card['timing_scale']}, batch 32, {card['timings'][0]['threads']} threads"
    )
    header = ("parameters", "chunks", "forward ms", "step ms", "samples/s")
    return "\n".join([*lines, f"Time of {what}:", "", markdown(header, rows)])


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _percent(gain: Mapping[str, float | None]) -> str:
    value, low, high = gain["value"], gain["low"], gain["high"]
    shown = "-" if value is None else f"{value:+.2f}"
    return shown if low is None or high is None else f"{shown} [{low:+.2f}, {high:+.2f}]"


def markdown(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _put(path: Path, card: str) -> None:
    """Replace the section of the heading, or add it at the end."""
    text = path.read_text(encoding="utf-8")
    section = f"{HEADING}\n\n{card}\n"
    pattern = re.compile(rf"^{HEADING}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section + "\n", text, count=1).rstrip("\n") + "\n"
    else:
        text = text.rstrip("\n") + "\n\n" + section
    write_bytes(path, text.encode())


@bench.command()
@click.argument("datasets", nargs=-1, metavar="[DATA]...")
@click.option("-o", "--output", type=UserPath(), default=Path("runs/bench-crossover"),
              show_default=True, help="Folder of the runs; what is finished there is not done again.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Trainings of each kind.")
@click.option("--epochs", type=click.IntRange(min=1), help="Of every group. [default: that of plugins.toml]")
@click.option("--joint/--no-joint", default=True, show_default=True,
              help="Also train everything that reads the text alone as one group.")  # fmt: skip
@click.option("--one-rate", type=FiniteRange(min=0, min_open=True), metavar="RATE",
              help="Also train with one rate for all groups, and count gains over its best common epoch.")  # fmt: skip
@ray_option
@resource_option
@groups_option
@plugin_options
@json_option
def crossover(
    choice: PluginChoice,
    datasets: tuple[str, ...],
    output: Path,
    seeds: int,
    epochs: int | None,
    joint: bool,
    one_rate: float | None,
    address: str | None,
    resources: tuple[tuple[str, str, float], ...],
    groups_file: Path | None,
    as_json: bool,
) -> None:
    """Compare all ways to make one model of a run's epochs on the test split of each DATA set.

    Every seed trains from scratch. Gains are over the single best common epoch, on the same test
    records and the same resamples; intervals hold the spread over seeds and over records.
    "beyond noise" leaves the common epoch for a group's own best one only where staying costs
    beyond the 95 % interval of the validation records; "validation's choice" is the method that validation alone
    would have chosen. Several data sets at once are joined with a plus. With --ray, every training of
    every seed is a task of a Ray cluster whose nodes see the folder at the same path.

    \b
    Examples:
      redheart bench crossover village --seeds 5
      redheart bench crossover goemotions+emobank+scruples --plugins plugins/text_tasks/plugins.toml
    """
    wanted = by_task(resources, address)
    with make_display() as display:
        if address is None:
            compare = compare_over_seeds
        else:
            from redheart_scaling.crossover import compare_on_ray

            compare = partial(compare_on_ray, address=address, resources=wanted)
        found = compare(
            choice,
            datasets,
            output,
            display,
            seeds=seeds,
            epochs=epochs,
            joint=joint,
            one_rate=one_rate,
            groups_file=groups_file,
        )
    if as_json:
        print_json({name: [table.to_json() for table in tables] for name, tables in found.items()})
        return
    for name, repeated in found.items():
        for table in repeated:
            click.echo(f"{name}, {table.kind}, {seeds} seed(s); validation chose {', '.join(table.choices)}\n")
            click.echo(table.markdown())
