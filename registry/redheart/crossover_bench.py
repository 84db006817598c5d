"""Every way to make a model of a run's epochs, over seeds and data sets, from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.groups_file import merged_groups
from redheart.options import PluginChoice
from redheart.progress import Display
from redheart.sessions import data_settings, listeners, prepare_store, train_settings
from redheart_core import CheckpointError

if TYPE_CHECKING:
    from redheart_core.config.tables import GroupSettings, TrainSettings
    from redheart_core.data.store import Store
    from redheart_core.evaluation.compared import Compared
    from redheart_core.evaluation.repeats import Repeated
    from redheart_core.groups.active import ActiveNode
    from redheart_core.selection.methods import Method
    from redheart_registry import Registry


def compare_over_seeds(
    choice: PluginChoice,
    datasets: Sequence[str],
    folder: Path,
    display: Display,
    *,
    seeds: int = 5,
    epochs: int | None = None,
    joint: bool = True,
    one_rate: float | None = None,
    groups_file: Path | None = None,
) -> dict[str, list[Repeated]]:
    """Train every seed from scratch, and compare all ways to make one model of its epochs on the test split.

    Args:
        choice: The plugins.
        datasets: Names; several at once are joined with a plus. That of plugins.toml if there are none.
        folder: Of the runs; what is finished there is not done again.
        display: Shows progress.
        seeds: How many, from 0.
        epochs: Of every group.
        joint: Whether everything that reads the text alone is also trained as one group.
        one_rate: Also train with this learning rate for all groups, and count gains over its best common epoch.
        groups_file: Tables [groups.NAME].

    Returns:
        Data set to a table per kind of mean.
    """
    registry = choice.load(listeners(display), display.say)
    found = {}
    for name in datasets or (data_settings(registry).dataset,):
        data = data_settings(registry, dataset=name)
        store = prepare_store(registry, folder / name / "store", data, display)
        tables = merged_groups(registry, groups_file)
        settings = [train_settings(registry, epochs=epochs, seed=seed) for seed in range(seeds)]
        found[name] = _compare(registry, folder / name, store, settings, tables, joint, one_rate, display)
    return found


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
    from redheart_core.evaluation.repeats import TABLES, Tables, repeat
    from redheart_core.selection.methods import METHODS, SELECTION
    from redheart_core.storage.files import write_bytes

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
            baseline = [node for node in nodes if node.spec.baseline]  # from which the islands start too
            together.append(run("joint", [*baseline, *merged], one, {}))
    tables = [repeat(kind, trainers, together, plain) for kind in KINDS if trainers[0].means[kind]]
    TABLES.write(folder / "crossover.json", Tables(tuple(tables)))
    write_bytes(folder / "crossover.md", "\n".join(table.markdown() for table in tables).encode())
    return tables


def _reads_text_alone(node: ActiveNode) -> bool:
    """Whether a node descends, and reads no output of another checkpoint group but the baseline's."""
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
    """Train and evaluate one seed, as far as that has not been done."""
    from redheart_core.evaluation.compared import Compared, comparison_stamp, load_compared
    from redheart_core.evaluation.evaluate import evaluate_with_draws
    from redheart_core.evaluation.results import EVALUATION
    from redheart_core.runs.run import RunFolder
    from redheart_core.selection.picks import Pick
    from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
    from redheart_core.training.context import TrainingContext
    from redheart_core.training.loop import train

    run, context = RunFolder(folder), TrainingContext.prepare(store, nodes, settings, groups)
    _require_none(train(run, context, registry.hooks))
    counted = [node.name for node in nodes if _reads_text_alone(node)]
    stamp = comparison_stamp(run, trained_groups(run), counted)
    if (known := load_compared(folder, stamp)) is not None:
        return known
    sweetspot = find_sweetspot(run, trained_groups(run))
    picks = {group: Pick.single("selection", entry) for group, entry in sweetspot.chosen("best").items()}
    evaluation, means = evaluate_with_draws(run, context, sweetspot, picks, display.progress, counted, methods)
    _require_none(evaluation.stopped)
    EVALUATION.write(folder / "evaluation.json", evaluation)
    found = Compared(means, evaluation.best_method)
    found.save(folder, stamp)
    return found


def _require_none(stopped: Mapping[str, str]) -> None:
    """Refuse to compare what is not whole."""
    if stopped:
        raise CheckpointError("; ".join(f"group '{group}' stopped: {reason}" for group, reason in stopped.items()))
