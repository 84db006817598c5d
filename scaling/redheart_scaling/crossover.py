"""The comparison of all ways to make a model, with every training of every seed a task on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart.crossover_bench import Comparison, Kind, compare_over_seeds, comparisons, kinds
from redheart.options import PluginChoice
from redheart.progress import Display, make_display
from redheart.sessions import listeners
from redheart_registry.plugins_toml import find_plugins_toml
from redheart_scaling.cluster import (
    LOCK_WAIT_S,
    Asked,
    Planned,
    Resources,
    connected,
    require_room,
    resources_for,
    run_planned,
)

if TYPE_CHECKING:
    from redheart_core.evaluation.repeats import Repeated


@attrs.frozen
class Compared:
    """What a node needs to know of a comparison."""

    choice: PluginChoice
    datasets: tuple[str, ...]
    folder: Path
    epochs: int | None
    one_rate: float | None
    groups_file: Path | None


def compare_on_ray(
    choice: PluginChoice,
    datasets: Sequence[str],
    folder: Path,
    display: Display,
    address: str,
    resources: Asked | None = None,
    *,
    seeds: int = 5,
    epochs: int | None = None,
    joint: bool = True,
    one_rate: float | None = None,
    groups_file: Path | None = None,
) -> dict[str, list[Repeated]]:
    """What compare_over_seeds gives; nodes train and evaluate, each training once, and this process puts all together.

    All nodes see the folder, plugins.toml and the data at the same path. A training whose node is lost goes on
    elsewhere behind its last epoch.

    Args:
        choice: As for compare_over_seeds, like all that is not named here.
        address: Of the cluster; see connected.
        resources: What tasks ask of a node beyond the defaults; those of a data set have its name.
    """
    toml = find_plugins_toml(choice.plugins_toml).resolve()
    asked = Compared(
        choice=attrs.evolve(choice, plugins_toml=toml, trace=None),
        datasets=tuple(datasets),
        folder=folder.resolve(),
        epochs=epochs,
        one_rate=one_rate,
        groups_file=None if groups_file is None else groups_file.resolve(),
    )
    with connected(address) as ray:
        prepared = _comparisons(asked, display)  # once, before nodes open the stores
        wanted = resources_for({name: _usual(one) for name, one in prepared.items()}, resources or {})
        require_room(ray, wanted)
        planned = dict[str, Planned]()
        for name in prepared:
            for seed in range(seeds):
                for kind in kinds(joint, one_rate is not None):
                    planned[f"{name}/{kind}-{seed}"] = Planned(compare_one, wanted[name], (asked, name, kind, seed))
        run_planned(ray, planned, lambda done: display.progress("trainings", done, len(planned)))
    return compare_over_seeds(
        choice,
        datasets,
        folder,
        display,
        seeds=seeds,
        epochs=epochs,
        joint=joint,
        one_rate=one_rate,
        groups_file=groups_file,
    )


def _usual(one: Comparison) -> Resources:
    return Resources(one.settings.threads, 1.0 if one.settings.device.startswith("cuda") else 0.0)


def compare_one(asked: Compared, dataset: str, kind: Kind, seed: int) -> None:
    """The task: one training and its evaluation."""
    with make_display(progress=False) as display:
        _comparisons(attrs.evolve(asked, datasets=(dataset,)), display)[dataset].train(kind, seed, display, LOCK_WAIT_S)


def _comparisons(asked: Compared, display: Display) -> dict[str, Comparison]:
    registry = asked.choice.load(listeners(display), display.say)
    return comparisons(registry, asked.datasets, asked.folder, display, asked.epochs, asked.one_rate, asked.groups_file)
