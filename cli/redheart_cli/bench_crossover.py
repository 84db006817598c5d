"""redheart bench crossover: every way to make a model of a run's epochs, over seeds and data sets, from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from redheart_cli.display import Display, make_display
from redheart_cli.groups_file import merged_groups
from redheart_cli.options import PluginChoice, plugin_options
from redheart_cli.output import print_json
from redheart_cli.run_options import groups_option, json_option
from redheart_cli.session import data_settings, listeners, prepare_store, train_settings
from redheart_core import CheckpointError

if TYPE_CHECKING:
    from redheart_core.config.tables import GroupSettings, TrainSettings
    from redheart_core.contract.nodes import ActiveNode
    from redheart_core.data.store import Store
    from redheart_core.evaluation.compared import Compared
    from redheart_core.evaluation.repeats import Repeated
    from redheart_core.selection.methods import Method
    from redheart_registry import Registry


@click.command()
@click.argument("datasets", nargs=-1, metavar="[DATA]...")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("runs/bench-crossover"),
              show_default=True, help="Folder of the runs; what is finished there is not done again.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--epochs", type=click.IntRange(min=1))
@click.option("--joint/--no-joint", default=True, show_default=True,
              help="Also train everything that reads the text alone as one group.")  # fmt: skip
@click.option("--one-rate", type=click.FloatRange(min=0, min_open=True), metavar="RATE",
              help="Also train with one rate for all groups, and count gains over its best common epoch.")  # fmt: skip
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
    groups_file: Path | None,
    as_json: bool,
) -> None:
    """Compare all ways to make one model of a run's epochs on the test split of each DATA set.

    Every seed trains from scratch. Gains are over the single best common epoch, on the same test
    records and the same resamples; "validation's choice" is the method that validation alone
    would have chosen. Several data sets at once are joined with a plus.

    \b
    Examples:
      redheart bench crossover village --seeds 3
      redheart bench crossover goemotions+emobank+scruples --plugins plugins/text_tasks/plugins.toml
    """
    found = {}
    with make_display() as display:
        registry = choice.load(listeners(display))
        names = datasets or (data_settings(registry).dataset,)
        for name in names:
            data = data_settings(registry, dataset=name)
            store = prepare_store(registry, output / name / "store", data, display)
            tables = merged_groups(registry, groups_file)
            settings = [train_settings(registry, epochs=epochs, seed=seed) for seed in range(seeds)]
            found[name] = _compare(registry, output / name, store, settings, tables, joint, one_rate, display)
    if as_json:
        print_json({name: [table.to_json() for table in tables] for name, tables in found.items()})
        return
    for name, repeated in found.items():
        for table in repeated:
            print(f"{name}, {table.kind}, {seeds} seed(s); validation chose {', '.join(table.choices)}\n")
            print(table.markdown())


def _compare(
    registry: Registry,
    folder: Path,
    store: Store,
    settings: Sequence[TrainSettings],
    groups: Mapping[str, GroupSettings],
    joint: bool,
    one_rate: float | None,
    display: Display,
) -> list[Repeated]:
    from redheart_core.evaluation.compared import KINDS
    from redheart_core.evaluation.repeats import repeat
    from redheart_core.selection.methods import METHODS, SELECTION
    from redheart_core.storage.files import write_bytes, write_json

    def run(
        name: str, nodes: Sequence[ActiveNode], one: TrainSettings, tables: Mapping[str, GroupSettings]
    ) -> Compared:
        methods = SELECTION if name == "joint" else METHODS
        return _seed(registry, folder / f"{name}-{one.seed}", store, nodes, one, tables, methods, display)

    trainers: list[Compared] = []
    plain: list[Compared] = []
    together: list[Compared] = []
    for one in settings:
        nodes = list(registry.nodes(one.scale))
        trainers.append(run("seed", nodes, one, groups))
        if one_rate is not None:
            one = attrs.evolve(one, learning_rate=one_rate)
            nodes = [attrs.evolve(node, learning_rate_scale=1.0) for node in nodes]
            same = {name: attrs.evolve(table, learning_rate=None) for name, table in groups.items()}
            plain.append(run("one-rate", nodes, one, same))
        if joint:
            merged = [attrs.evolve(node, group="joint") for node in nodes if _reads_text_alone(node)]
            together.append(run("joint", merged, one, {}))
    tables = [repeat(kind, trainers, together, plain) for kind in KINDS if trainers[0].means[kind]]
    write_json(folder / "crossover.json", [table.to_json() for table in tables])
    write_bytes(folder / "crossover.md", "\n".join(table.markdown() for table in tables).encode())
    return tables


def _reads_text_alone(node: ActiveNode) -> bool:
    """Whether a node descends, and reads no output of another checkpoint group."""
    return node.spec.fit is None and node.kind != "fusion"


def _seed(
    registry: Registry,
    folder: Path,
    store: Store,
    nodes: Sequence[ActiveNode],
    settings: TrainSettings,
    groups: Mapping[str, GroupSettings],
    methods: Mapping[str, Method],
    display: Display,
) -> Compared:
    """Train and judge one seed, as far as that has not been done."""
    from redheart_core.evaluation.compared import Compared, comparison_stamp, load_compared
    from redheart_core.evaluation.evaluate import evaluate_with_draws
    from redheart_core.runs.run import RunFolder
    from redheart_core.selection.picks import Pick
    from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
    from redheart_core.storage.files import write_json
    from redheart_core.training.context import TrainingContext
    from redheart_core.training.loop import train

    run, context = RunFolder(folder), TrainingContext.prepare(store, nodes, settings, groups)
    if stopped := train(run, context, registry.hooks):
        raise CheckpointError("; ".join(f"group '{group}' stopped: {reason}" for group, reason in stopped.items()))
    counted = [node.name for node in nodes if _reads_text_alone(node)]
    stamp = comparison_stamp(run, trained_groups(run), counted)
    if (known := load_compared(folder, stamp)) is not None:
        return known
    sweetspot = find_sweetspot(run, trained_groups(run))
    picks = {group: Pick.single("selection", entry) for group, entry in sweetspot.chosen("best").items()}
    evaluation, means = evaluate_with_draws(run, context, sweetspot, picks, display.progress, counted, methods)
    write_json(folder / "evaluation.json", evaluation.to_json())
    found = Compared(means, evaluation.best_method)
    found.save(folder, stamp)
    return found
