"""redheart bench: what a plugin is worth, and how its parameters are spread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from redheart_cli.bench_crossover import crossover
from redheart_cli.display import Display, make_display
from redheart_cli.options import PluginChoice, plugin_options
from redheart_cli.output import print_json
from redheart_cli.run_options import RunChoice, json_option, new_run_options
from redheart_cli.session import Session, data_settings, listeners, open_session, prepare_store, train_settings
from redheart_core import SCALES, CheckpointError, PluginError

if TYPE_CHECKING:
    from redheart_core.contract.nodes import ActiveNode
    from redheart_core.groups.group import Group
    from redheart_core.groups.group_module import GroupModule
    from redheart_registry import Registry

HEADING = "## Card"


@click.group()
def bench() -> None:
    """Measure plugins and methods."""


bench.add_command(crossover)


@bench.command()
@click.argument("name")
@new_run_options
@plugin_options
@click.option("--run", "finished", type=click.Path(path_type=Path), metavar="RUN",
              help="Measure the plugin as it was trained in this run, instead of training it.")  # fmt: skip
@click.option("--write", type=click.Path(path_type=Path), metavar="README",
              help="Put the card into this file, under the heading 'Card'.")  # fmt: skip
@click.option("--timing-scale", type=click.Choice(SCALES), default="full", show_default=True)
@json_option
def plugin(
    name: str,
    choice: PluginChoice,
    new: RunChoice,
    finished: Path | None,
    write: Path | None,
    timing_scale: str,
    as_json: bool,
) -> None:
    """Train NAME with what it reads, and write its card: metrics, ablations, time.

    The metrics are those of the best epoch on the validation split, beside the constant mean
    and a ridge regression on the mean embedding. An ablation sets the parameters of one
    submodule to zero; what is fitted in closed form has none.

    \b
    Examples:
      redheart bench plugin neural_regret
      redheart bench plugin advanced_bentham --run runs/village --write plugins/advanced_bentham/README.md
    """
    from redheart_core.evaluation.bench import ablate, compare, expert_load
    from redheart_core.evaluation.timing import measure
    from redheart_core.groups.validation import evaluate

    if finished is not None and (new.output is not None or not new.changes_nothing):
        raise click.UsageError("--run takes data and settings from the run; leave the other options out")
    with make_display() as display:
        if finished is None:
            session = _train(name, _with_what_it_reads(name, choice), display, new)
        else:
            session = open_session(finished, choice, display)
        run, context = session.run, session.context
        group, module = _trained(name, session)
        rows = context.store.rows("validation")
        result = evaluate(module, context.source, rows)
        comparisons = compare(context, module, name, result) if name in module.objectives else []
        ablations = [] if group.fitted else ablate(context, module, name, result)
        load = expert_load(context, module, name)
        sizes = _sizes(name, session.registry)
        around = _at_scale(context.nodes, timing_scale)
        timed = _timed(name, group, around)
        timings = [measure(timed, around, context.store.fields, timing_scale, chunks, 2) for chunks in (1, 16)]
    card = {
        "plugin": name,
        "data": context.store.index.dataset,
        "scale": context.settings.scale,
        "epochs": context.settings.epochs,
        "epoch": run.group(group.name).read().best.epoch,
        "records": len(rows),
        "loss": result.loss,
        "metrics": [attrs.asdict(one) for one in comparisons],
        "expert_load": load,
        "parameters": sizes,
        "ablations": [attrs.asdict(one) for one in ablations],
        "timed": [node.name for node in timed],
        "timing_scale": timing_scale,
        "timings": [attrs.asdict(one) | {"samples_per_second": one.samples_per_second} for one in timings],
    }
    if write is not None:
        _put(write, card_text(card))
    if as_json:
        print_json(card)
    else:
        click.echo(card_text(card))


@bench.command()
@click.argument("name")
@plugin_options
@json_option
def parameters(name: str, choice: PluginChoice, as_json: bool) -> None:
    """Parameters of NAME by submodule at every scale, on a data set with all fields; nothing is allocated."""
    sizes = _sizes(name, _with_what_it_reads(name, choice).load())
    if as_json:
        print_json(sizes)
    else:
        click.echo(_size_table(sizes))


def _sizes(name: str, registry: Registry) -> dict[str, dict[str, int]]:
    """Parameters by scale and submodule on a data set with all fields."""
    from redheart_core import CATALOGUE
    from redheart_core.evaluation.bench import sizes_at
    from redheart_core.groups.graph import bind_nodes

    sizes: dict[str, dict[str, int]] = {}
    for scale in SCALES:
        nodes = bind_nodes(_at_scale(_needed(name, registry.nodes("small")), scale), CATALOGUE)
        node = next(node for node in nodes if node.name == name)
        sizes[scale] = sizes_at(node, nodes, CATALOGUE, scale)
    return sizes


def _size_table(sizes: Mapping[str, Mapping[str, int]]) -> str:
    names = list(dict.fromkeys(part for table in sizes.values() for part in table))
    rows = [(part, *(f"{sizes[scale].get(part, 0):,}" for scale in SCALES)) for part in names]
    rows.append(("**all**", *(f"{sum(sizes[scale].values()):,}" for scale in SCALES)))
    return markdown(("submodule", *SCALES), rows)


def _train(name: str, choice: PluginChoice, display: Display, new: RunChoice) -> Session:
    """The plugin's group and those it depends on, trained."""
    from redheart_core.runs.run import RunFolder
    from redheart_core.training.context import TrainingContext
    from redheart_core.training.loop import train

    registry = choice.load(listeners(display))
    data, settings = data_settings(registry, **new.data), train_settings(registry, **new.training)
    run = RunFolder(new.output or Path("runs") / "bench" / name)
    found = prepare_store(registry, new.store or run.path / "store", data, display)
    context = TrainingContext.prepare(found, _needed(name, registry.nodes(settings.scale)), settings)
    stopped = train(run, context, registry.hooks)
    if stopped:
        raise CheckpointError("; ".join(f"group '{group}' stopped: {reason}" for group, reason in stopped.items()))
    return Session(registry, run, context)


def _trained(name: str, session: Session) -> tuple[Group, GroupModule]:
    """The plugin's group at its best epoch, the outputs that it reads computed."""
    from redheart_core.training.progress import load_fixed

    context = session.context
    rows = context.store.rows("validation")
    for group in context.groups:
        module = context.module(group)
        load_fixed(session.run, group, module)
        if name in {node.name for node in group.nodes}:
            return group, module
        context.add_outputs(group, module, rows)
    raise PluginError(f"the run {session.run.path} has no plugin '{name}'")


def _at_scale(nodes: Sequence[ActiveNode], scale: str) -> list[ActiveNode]:
    """The nodes with the settings of a scale in place of their own."""
    from redheart_core.storage.settings import read_table

    return [
        attrs.evolve(node, settings=read_table(node.spec.settings, node.spec.scales[scale], f"scale '{scale}'"))
        for node in nodes
    ]


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


def markdown(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _with_what_it_reads(name: str, choice: PluginChoice) -> PluginChoice:
    from redheart_registry import sources

    return attrs.evolve(choice, enable=tuple(dict.fromkeys((*choice.enable, *sources(name)))))


def _needed(name: str, nodes: Sequence[ActiveNode]) -> tuple[ActiveNode, ...]:
    """The node's group, and the groups that it depends on."""
    from redheart_core import CATALOGUE
    from redheart_core.groups.graph import bind_nodes, plan_groups

    groups = {group.name: group for group in plan_groups(bind_nodes(nodes, CATALOGUE))}
    waiting = [group.name for group in groups.values() if name in {node.name for node in group.nodes}]
    if not waiting:
        raise PluginError(f"'{name}' is no analyzer, head or fusion; there is nothing to measure")
    needed = set()
    while waiting:
        group = waiting.pop()
        needed.add(group)
        waiting += [read for read in groups[group].reads if read not in needed]
    return tuple(node for node in nodes if node.group in needed)


def _timed(name: str, group: Group, around: Sequence[ActiveNode]) -> list[ActiveNode]:
    """The node at the timing scale; with its whole group if others train it."""
    order = [node.name for node in group.nodes]
    alone = next(node for node in around if node.name == name).spec.objective is not None
    wanted = [name] if alone else order
    return [next(node for node in around if node.name == one) for one in wanted]


def _put(path: Path, card: str) -> None:
    """Replace the section of the heading, or add it at the end."""
    text = path.read_text(encoding="utf-8")
    section = f"{HEADING}\n\n{card}\n"
    pattern = re.compile(rf"^{HEADING}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section + "\n", text, count=1).rstrip("\n") + "\n"
    else:
        text = text.rstrip("\n") + "\n\n" + section
    path.write_text(text, encoding="utf-8")
