"""Epochs, batch size and warm-up of a group's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from toy import StopAfter, Toy

from redheart_core import SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.runs.event_log import EventLog
from redheart_core.runs.read_status import read_status
from redheart_core.runs.run import RunFolder
from redheart_core.training.schedule import schedule_factor
from redheart_core.tuning.short_runs import short_context

OWN = {"a": GroupSettings(epochs=2, batch_size=8, warmup_updates=1)}
FilesOf = Callable[[RunFolder, str], dict[str, str]]


def test_a_group_is_trained_as_by_a_training_table_that_says_so(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    own, stopped = toy.run("own", [toy.node("a"), toy.node("b")], store, groups=OWN, epochs=3, batch_size=16)
    assert not stopped
    beside, _ = toy.run("beside", [toy.node("b")], store, epochs=3, batch_size=16)
    assert files_of(own, "b") == files_of(beside, "b")
    entries = {name: own.group(name).read().epochs for name in ("a", "b")}
    assert [entry.epoch for entry in entries["a"]] == [1, 2]
    assert [entry.epoch for entry in entries["b"]] == [1, 2, 3]
    assert entries["a"][0].updates == -(-len(store.rows("train")) // 8)
    assert entries["b"][0].updates == -(-len(store.rows("train")) // 16)
    settings = toy.settings(epochs=2, warmup_updates=1)
    updates = entries["a"][0].updates
    rates = [entry.learning_rate for entry in entries["a"]]
    assert rates == [1e-3 * schedule_factor(n * updates - 1, 2 * updates, settings) for n in (1, 2)]


def test_it_takes_the_same_weights_as_under_a_training_table_of_that_kind(toy: Toy) -> None:
    store = toy.store()
    own, _ = toy.run("own", [toy.node("a")], store, groups=OWN)
    table, _ = toy.run("table", [toy.node("a")], store, epochs=2, batch_size=8, warmup_updates=1)
    hashes = [[entry.sha256 for entry in run.group("a").read().epochs] for run in (own, table)]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_stopped_run_goes_on_to_the_last_bit(toy: Toy, files_of: FilesOf, after: int) -> None:
    store, nodes = toy.store(), [toy.node("a"), toy.node("b"), toy.node("c", reads=("embedding", "a.value"))]
    whole, _ = toy.run("whole", nodes, store, groups=OWN, epochs=3)
    with pytest.raises(KeyboardInterrupt):
        toy.run("stopped", nodes, store, [StopAfter(after)], OWN, epochs=3)
    stopped, _ = toy.run("stopped", nodes, store, groups=OWN, epochs=3)
    assert all(files_of(whole, name) == files_of(stopped, name) for name in ("a", "b", "c"))


def test_the_status_of_a_run_counts_each_group_to_its_own_end(toy: Toy) -> None:
    nodes = [toy.node("a"), toy.node("b")]
    with pytest.raises(KeyboardInterrupt):
        toy.run("run", nodes, toy.store(), [EventLog(), StopAfter(4)], OWN, epochs=3)
    status = read_status(toy.folder / "run", datetime.now(UTC))
    groups = {group.name: group for group in status.groups}
    assert {name: (group.done, group.planned) for name, group in groups.items()} == {"a": (2, 2), "b": (2, 3)}
    assert status.seconds_left == groups["b"].seconds_per_epoch


def test_short_runs_stand_for_the_own_schedule_and_are_not_longer(toy: Toy) -> None:
    own = {"a": GroupSettings(epochs=4, warmup_updates=8, batch_size=8)}
    context = toy.context([toy.node("a"), toy.node("b")], groups=own, epochs=12, warmup_updates=6)
    short = short_context(context, 2, 5)
    table = {group.name: short.own_settings(group) for group in short.groups}
    assert [(table[name].epochs, table[name].warmup_updates, table[name].seed) for name in "ab"] == [
        (2, 4, 5),
        (2, 1, 5),
    ]
    assert table["a"].batch_size == 8
    with pytest.raises(SettingsError, match="short runs take 1 to 4 epochs"):
        short_context(context, 5, 0)
