"""A sweep whose candidates are trained apart from one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from toy import Toy

from redheart_core import ActiveNode
from redheart_core.data.store import Store
from redheart_core.runs.run import RunFolder
from redheart_core.tuning.short_runs import ShortRun
from redheart_core.tuning.sweep import Sweeping, sweep
from redheart_core.tuning.sweep_journal import Journal
from redheart_core.tuning.sweep_steps import Candidate, SweepSettings, halved
from redheart_core.tuning.sweep_training import ShortTrainings

RATES = (1e-6, 1e-5, 1e-2, 2e-2)
"""Two of them are dropped by halving."""


class Lost(Exception):  # noqa: N818 - stands for a node
    """Raised where the sweep ends early."""


def apart(
    toy: Toy, nodes: list[ActiveNode], store: Store, settings: SweepSettings, most: int = 10**6
) -> tuple[Callable[[Sweeping], None], list[Candidate]]:
    """A training of each candidate by a process of its own, the last one that may begin first; and what was trained."""
    done: list[Candidate] = []

    def train(sweeping: Sweeping) -> None:
        journal = sweeping.trainings.journal
        while left := sweeping.apart():
            if len(done) == most:
                raise Lost
            alone = ShortTrainings.of(toy.context(nodes, store), settings, Journal(journal.path))
            (run,) = alone.train([left[-1]], sweeping.chosen(), lambda epoch, losses: {})
            sweeping.take(left[-1], run)
            done.append(left[-1])

    return train, done


def written(run: RunFolder) -> dict[str, bytes]:
    return {name: (run.path / name).read_bytes() for name in ("sweep.json", "groups.toml")}


@pytest.mark.parametrize(
    "options",
    [{"epochs": 3, "seeds": 3}, {"halving": False}, {"rates": (1e-3, 1e-2), "hierarchical": True}],
    ids=["halving", "all to their ends", "hierarchical"],
)
def test_candidates_that_are_trained_apart_are_the_sweep_of_one_process(toy: Toy, options: dict[str, Any]) -> None:
    nodes = [
        *(toy.node("a"), toy.node("b", target="choice_factors"), toy.calculator("k", ("a.value",))),
        toy.node("high", reads=("k.value", "b.value")),
    ]
    store, settings = toy.store(), SweepSettings(**{"rates": RATES, "epochs": 2, "seeds": 2, **options})
    many, one = RunFolder(toy.folder / "many"), RunFolder(toy.folder / "one")
    training, done = apart(toy, nodes, store, settings)
    found = sweep(many, toy.context(nodes, store), settings, training=training)
    sweep(one, toy.context(nodes, store), settings)
    assert written(many) == written(one)
    assert len(set(done)) == len(done) == len(list((many.path / "sweep").glob("*/stage-*.json")))
    assert (found.cost()["updates_saved"] > 0) == settings.halving
    assert {path.name for path in many.path.glob("sweep/*/*.json")} == {
        path.name for path in one.path.glob("sweep/*/*.json")
    }


@pytest.mark.parametrize("most", [1, 3, 5])
def test_what_was_trained_apart_is_taken_up_by_one_process(toy: Toy, most: int) -> None:
    nodes = [toy.node("a"), toy.node("b", reads=("a.value",))]
    store, settings = toy.store(), SweepSettings(rates=RATES, epochs=2, seeds=2)
    broken, whole = RunFolder(toy.folder / "broken"), RunFolder(toy.folder / "whole")
    training, _ = apart(toy, nodes, store, settings, most)
    with pytest.raises(Lost):
        sweep(broken, toy.context(nodes, store), settings, training=training)
    kept = {path: path.stat().st_mtime_ns for path in (broken.path / "sweep").glob("*/stage-*")}
    assert len(kept) == 3 * most
    for run in (broken, whole):
        sweep(run, toy.context(nodes, store), settings)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert written(broken) == written(whole)


def test_a_sweep_that_is_done_asks_for_no_training(toy: Toy) -> None:
    nodes, store, settings = [toy.node("a"), toy.node("b", reads=("a.value",))], toy.store(), SweepSettings(RATES)
    run = RunFolder(toy.folder / "run")
    sweep(run, toy.context(nodes, store, epochs=3), settings)
    before = written(run)

    def refuse(sweeping: Sweeping) -> None:
        assert not sweeping.apart()

    sweep(run, toy.context(nodes, store, epochs=3), settings, training=refuse)
    assert written(run) == before


def test_what_halving_cuts_is_as_long_as_it_would_have_been() -> None:
    """A run that was cut is cut again at the same place, whatever else was trained to its end."""
    draws = np.random.default_rng(0)
    runs = [
        ShortRun(rate, "finished", "", draws.normal(rate, 0.01, (4, 50)), None, {}, 0.0) for rate in (1.0, 2.0, 3.0)
    ]

    def drop(epoch: int, losses: Any) -> dict[float, str]:
        worst = max(losses)
        return {worst: f"worst of {len(losses)} after {epoch}"} if len(losses) > 1 and epoch > 1 else {}

    cut = halved(runs, drop)
    assert [(one.status, one.epochs, one.reason) for one in cut] == [
        ("finished", 4, ""),
        ("dropped", 3, "worst of 2 after 3"),
        ("dropped", 2, "worst of 3 after 2"),
    ]
    for mixed in (cut, [runs[0], cut[1], runs[2]], [runs[0], runs[1], cut[2]]):
        again = halved(mixed, drop)
        assert [attrs.astuple(one)[:3] for one in again] == [attrs.astuple(one)[:3] for one in cut]
        assert all(np.array_equal(one.losses, other.losses) for one, other in zip(again, cut, strict=True))
