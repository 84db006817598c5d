"""Every way to make a model of a run's epochs, over seeds and data sets, from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from redheart.groups_file import merged_groups, with_own_rates
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
    for name, comparison in comparisons(registry, datasets, folder, display, epochs, one_rate, groups_file).items():
        found[name] = comparison.finish(range(seeds), joint, one_rate is not None, display)
    return found


def comparisons(
    registry: Registry,
    datasets: Sequence[str],
    folder: Path,
    display: Display,
    epochs: int | None,
    one_rate: float | None,
    groups_file: Path | None,
) -> dict[str, Comparison]:
    """What is compared on each data set, whose store is prepared if need be; the arguments are those above."""
    found = {}
    for name in datasets or (data_settings(registry).dataset,):
        data = data_settings(registry, dataset=name)
        store = prepare_store(registry, folder / name / "store", data, display)
        settings = train_settings(registry, epochs=epochs)
        tables = with_own_rates(registry, merged_groups(registry, groups_file), settings.scale, None)
        found[name] = Comparison(registry, folder / name, store, settings, tables, one_rate)
    return found


Kind = Literal["seed", "one-rate", "joint"]
"""A training as it is, with one rate for all groups, or of everything that reads the text alone as one group (at the
one rate too, if there is one)."""


@attrs.frozen(eq=False)
class Comparison:
    """The trainings on one data set that are compared."""

    registry: Registry
    folder: Path
    store: Store
    settings: TrainSettings
    """Of seed 0 and the others but for that."""
    groups: Mapping[str, GroupSettings]
    one_rate: float | None

    def train(self, kind: Kind, seed: int, display: Display, wait_s: float = 0.0) -> Compared:
        """One training and its evaluation, as far as that has not been done, once no other process is at it."""
        from redheart_core.selection.methods import METHODS, SELECTION

        nodes, one, groups = (
            list(self.registry.nodes(self.settings.scale)),
            attrs.evolve(self.settings, seed=seed),
            self.groups,
        )
        if kind != "seed" and self.one_rate is not None:
            one = attrs.evolve(one, learning_rate=self.one_rate)
            nodes = [attrs.evolve(node, learning_rate_scale=1.0) for node in nodes]
            groups = {name: attrs.evolve(table, learning_rate=None) for name, table in groups.items()}
        if kind == "joint":
            merged = [attrs.evolve(node, group="joint") for node in nodes if _reads_text_alone(node)]
            nodes = [*(node for node in nodes if node.spec.baseline), *merged]  # from which the islands start too
            groups = {}
        methods = SELECTION if kind == "joint" else METHODS
        folder = self.folder / f"{kind}-{seed}"
        return _seed(self.registry, folder, self.store, nodes, one, groups, methods, display, wait_s)

    def finish(self, seeds: Sequence[int], joint: bool, one_rate: bool, display: Display) -> list[Repeated]:
        """Do what has not been done, and put all together; written as crossover.json and crossover.md."""
        from redheart_core.evaluation.compared import KINDS
        from redheart_core.evaluation.repeats import TABLES, Tables, repeat
        from redheart_core.storage.files import write_bytes

        found: dict[Kind, list[Compared]] = {kind: [] for kind in kinds(joint, one_rate)}
        for seed in seeds:
            for kind, trainings in found.items():
                trainings.append(self.train(kind, seed, display))
        plain, together, trainings = found.get("one-rate", ()), found.get("joint", ()), found["seed"]
        tables = [repeat(kind, trainings, together, plain) for kind in KINDS if trainings[0].means[kind]]
        TABLES.write(self.folder / "crossover.json", Tables(tuple(tables)))
        write_bytes(self.folder / "crossover.md", "\n".join(table.markdown() for table in tables).encode())
        return tables


def kinds(joint: bool, one_rate: bool) -> list[Kind]:
    """The trainings of each seed."""
    more: list[tuple[Kind, bool]] = [("one-rate", one_rate), ("joint", joint)]
    return ["seed", *(kind for kind, wanted in more if wanted)]


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
    wait_s: float,
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
    _require_none(train(run, context, registry.hooks, wait_s=wait_s))
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
