"""Groups of one run that several processes train, at the same time or one after another, end in the same bits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from own_process import SERVER
from toy import Toy, hooks

from redheart_core import ActiveNode
from redheart_core.contract.errors import CheckpointError, SettingsError
from redheart_core.data.store import Store
from redheart_core.runs.accounts import AUDIT
from redheart_core.runs.event_log import EventLog
from redheart_core.runs.read_status import read_status
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import FileError
from redheart_core.storage.locks import locked_groups
from redheart_core.training.loop import train

FilesOf = Callable[[RunFolder, str], dict[str, str]]
NAMES = ("a", "b", "mean", "high", "top")


def nodes_of(toy: Toy) -> list[ActiveNode]:
    """Two groups at the bottom, a calculator on one, a group on both, and a group on that."""
    return [
        toy.node("a"),
        toy.node("b", target="choice_factors"),
        toy.calculator("mean", ("a.value",)),
        toy.node("high", reads=("mean.value", "b.value")),
        toy.node("top", reads=("embedding", "high.value")),
    ]


def train_some(
    toy: Toy, name: str, only: Sequence[str] | None, wait_s: float = 0.0
) -> tuple[RunFolder, dict[str, str]]:
    """One process's part of a run, with a context of its own."""
    run = RunFolder(toy.folder / name)
    context = toy.context(nodes_of(toy), Store.open(toy.folder / "store"))
    return run, train(run, context, hooks(EventLog()), only, wait_s)


def train_with_lag(toy: Toy, only: Sequence[str], lag_s: float) -> None:
    time.sleep(lag_s)
    train_some(toy, "parts", only, 60.0)


def require_equal(toy: Toy, files_of: FilesOf) -> None:
    """The run "parts" holds what one process gives."""
    parts = RunFolder(toy.folder / "parts")
    whole, stopped = train_some(toy, "whole", None)
    assert not stopped
    for name in NAMES:
        assert files_of(parts, name) == files_of(whole, name)
    assert files_of(whole, "top")
    assert AUDIT.read(parts.path / "audit.json") == AUDIT.read(whole.path / "audit.json")
    assert read_status(parts.path, datetime.now(UTC)).state == "finished"


def test_one_after_another_in_any_order_that_the_tiers_allow(toy: Toy, files_of: FilesOf) -> None:
    toy.store()
    run = RunFolder(toy.folder / "parts")
    for only in (["b"], ["mean", "a"], ["high"], ["top"]):
        assert train_some(toy, "parts", only)[1] == {}
        left = set(NAMES) - {"b"} if only == ["b"] else set()
        assert not any(run.group(name).path.exists() for name in left)
        state = read_status(run.path, datetime.now(UTC)).state
        assert state == ("finished" if only == ["top"] else "interrupted")
    require_equal(toy, files_of)


@pytest.mark.slow
def test_processes_at_the_same_time_wait_for_the_tiers_below(toy: Toy, files_of: FilesOf) -> None:
    toy.store()
    parts: list[tuple[list[str], float]] = [(["top"], 0.0), (["high", "mean"], 0.1), (["b"], 0.5), (["a"], 0.3)]
    processes = [SERVER.Process(target=train_with_lag, args=(toy, *part)) for part in parts]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * len(parts)
    require_equal(toy, files_of)


def test_what_is_missing_below_is_named_with_the_command_that_trains_it(toy: Toy) -> None:
    toy.store()
    train_some(toy, "run", ["a"])
    with pytest.raises(
        CheckpointError, match=r"have not finished:\n  - 'b' is after epoch 0 of 4\n.* --only b\n.*--wait"
    ):
        train_some(toy, "run", ["high"])
    with pytest.raises(CheckpointError, match=r"'b' is after epoch 0 of 4\n  - 'high' is after epoch 0 of 4"):
        train_some(toy, "run", ["top"])


def test_a_group_that_another_process_holds_is_refused_and_others_are_free(toy: Toy) -> None:
    toy.store()
    run, _ = train_some(toy, "run", ["b"])
    with locked_groups(run.path, ["a"]):
        with pytest.raises(FileError, match=r"at work in .*run on group 'a'; wait for it"):
            train_some(toy, "run", ["a"])
        with pytest.raises(FileError, match="on group 'a'"):
            train_some(toy, "run", None)
        train_some(toy, "run", ["b"])
    assert not run.group("a").path.exists()


def test_a_group_that_is_released_in_time_is_trained(toy: Toy) -> None:
    toy.store()
    run, _ = train_some(toy, "run", ["b"])
    with locked_groups(run.path, ["a"]):
        waiting = threading.Thread(target=train_some, args=(toy, "run", ["a"], 60.0))
        waiting.start()
        time.sleep(0.3)
        assert not run.group("a").path.exists()
    waiting.join(120)
    assert run.group("a").read().status == "finished"


def test_a_group_on_one_that_stopped_elsewhere_stops(toy: Toy) -> None:
    nodes = [toy.node("a", fault_after=15), toy.node("b", reads=("a.value",))]
    run, context = RunFolder(toy.folder / "run"), toy.context(nodes)
    assert set(train(run, context, hooks(EventLog()), ["a"])) == {"a"}
    stopped = train(run, context, hooks(EventLog()), ["b"])
    assert stopped["b"] == "it reads a, which stopped"
    status = {group.name: group.status for group in read_status(run.path, datetime.now(UTC)).groups}
    assert status == {"a": "stopped", "b": "stopped"}


def test_a_group_that_does_not_exist_is_refused_before_anything_is_written(toy: Toy) -> None:
    toy.store()
    for only, message in ((["c"], r"no group 'c' \(groups: a, b, mean, high, top\)"), ([], "no group named")):
        with pytest.raises(SettingsError, match=message):
            train_some(toy, "run", only)
    assert not (toy.folder / "run").exists()


def test_a_line_that_a_killed_process_left_half_written_spoils_no_other_process(toy: Toy) -> None:
    toy.store()
    run, _ = train_some(toy, "run", ["a"])
    log = EventLog()
    log.file = run.path / "events.jsonl"
    whole = log.file.read_bytes()
    log.file.write_bytes(whole + b'{"event": "epoch fin')
    train_some(toy, "run", ["b"])
    assert log.file.read_bytes().startswith(whole)
    assert {group.name: group.done for group in read_status(run.path, datetime.now(UTC)).groups}["b"] == 4
