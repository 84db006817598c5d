"""A run read from its folder while it lives, after it has ended, and when it is damaged."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import attrs
import filelock
import pytest
from front_door import hashes
from sealed_files import change, write_lines

from redheart_core import CheckpointError, EpochFinished
from redheart_core.runs.event_log import EventLog, peak_memory_bytes, read_events
from redheart_core.runs.read_status import read_status
from redheart_core.runs.run import RunFolder
from redheart_core.runs.status import NEWEST, RunStatus
from redheart_core.storage.locks import locked

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


FINISHED = {"event": "run finished", "stopped": [], "process": os.getpid(), "host": platform.node()}


def view(run: Path, seconds: float = 0.0) -> RunStatus:
    """The run as it is so many seconds after its start."""
    return read_status(run, START + timedelta(seconds=seconds))


def rewrite_events(run: Path, lines: list[dict[str, Any]]) -> None:
    """Other events, ten seconds apart unless they say when."""
    times = [{"timestamp": (START + timedelta(seconds=10 * number)).isoformat()} for number in range(len(lines))]
    lines = [{**time, **line} for time, line in zip(times, lines, strict=True)]
    write_lines(run / "events.jsonl", lines)


def events_of(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("timestamp", "seal")} for line in lines]


def cut(made: Any, done: dict[str, int], process: int | None = None, host: str = "") -> None:
    """Take a made-up run back to so many epochs of each group, trained by this process or another."""
    first, *others = [line for line in events_of(made.path) if line["event"] != "run finished"]
    first |= {"process": process or os.getpid(), "host": host or platform.node()}
    rewrite_events(made.path, [first, *(line for line in others if line["epoch"] <= done[line["group"]])])
    for name, epochs in done.items():
        file = made.path / "groups" / name / "manifest.json"
        if not epochs:
            file.unlink()
            continue
        change(file, lambda table: table.update(status="running", epochs=table["epochs"][:epochs]))  # noqa: B023


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_finished_run_is_what_its_manifests_say(made: Any) -> None:
    seen = view(made.path)
    assert (seen.state, seen.seconds_left, seen.unmeasured) == ("finished", 0.0, ())
    assert {group.planned for group in seen.groups} == {8}
    assert (seen.process, seen.host) == (os.getpid(), platform.node())
    *trained, calculator = seen.groups
    assert (calculator.name, calculator.status, calculator.done) == ("calculus", "nothing to train", 0)
    assert [group.name for group in trained] == list(made.manifests)
    for number, group in enumerate(trained):
        manifest = made.manifests[group.name]
        assert (group.status, group.done, group.tier) == ("finished", 8, 0)
        assert group.best is not None
        assert (group.best.epoch, group.best.validation_loss) == (manifest.best.epoch, manifest.best.validation_loss)
        for seen_epoch, entry in zip(group.epochs, manifest.epochs, strict=True):
            for key in ("epoch", "train_loss", "validation_loss", "metrics", "learning_rate", "sha256", "updates"):
                assert getattr(seen_epoch, key) == getattr(entry, key)
            assert seen_epoch.seconds == 1.25 + number


def test_a_running_run_tells_time_at_work_and_time_left_to_the_second(made: Any) -> None:
    cut(made, {"backbone": 3, "neural_regret": 2, "후회_분석": 0})
    seen = view(made.path, seconds=600)
    assert (seen.state, seen.elapsed_s) == ("running", 600.0)
    assert [(group.status, group.done) for group in seen.groups] == [
        ("running", 3),
        ("running", 2),
        ("no epoch yet", 0),
        ("no epoch yet", 0),
    ]
    assert seen.seconds_left == 5 * 1.25 + 6 * 2.25
    assert seen.unmeasured == ("후회_분석", "calculus")
    assert attrs.evolve(seen, interleave="batch").seconds_left == 6 * 2.25


def test_only_the_newest_epochs_tell_how_long_one_takes(made: Any) -> None:
    lines = events_of(made.path)
    for line in lines:
        if line["event"] == "epoch finished" and line["epoch"] <= 8 - NEWEST:
            line["seconds"] = 1000.0
    rewrite_events(made.path, lines)
    assert [group.seconds_per_epoch for group in view(made.path).groups] == [1.25, 2.25, 3.25, None]


def test_a_process_that_is_gone_leaves_an_interrupted_run_but_one_elsewhere_may_live(made: Any) -> None:
    done = {"backbone": 3, "neural_regret": 0, "후회_분석": 0}
    gone = ended_process()
    cut(made, done, gone)
    seen = view(made.path, seconds=600)
    assert (seen.state, seen.process, seen.elapsed_s) == ("interrupted", gone, 30.0)
    lines = events_of(made.path)
    rewrite_events(made.path, [lines[0] | {"host": "another-machine"}, *lines[1:]])
    assert view(made.path).state == "running"
    elsewhere = {"process": gone, "host": "another-machine"}
    rewrite_events(made.path, [lines[0] | elsewhere, *lines[1:], FINISHED | elsewhere])
    assert view(made.path).state == "finished"


def test_time_at_work_leaves_out_the_pauses_between_processes(made: Any) -> None:
    start, *_ = events_of(made.path)
    stop = {"event": "group stopped", "group": "backbone", "epoch": 1, "reason": "a fault"}
    times = [START + timedelta(seconds=offset) for offset in (0, 40, 1000, 1025)]
    lines = [start, stop, start, FINISHED]
    logged = [line | {"timestamp": time.isoformat()} for line, time in zip(lines, times, strict=True)]
    rewrite_events(made.path, logged)
    assert view(made.path, seconds=5000).elapsed_s == 40 + 25
    rewrite_events(made.path, logged[:3])
    assert view(made.path, seconds=5000).elapsed_s == 40 + 4000


def test_several_processes_at_their_groups_are_one_run(made: Any) -> None:
    start, *_ = events_of(made.path)
    one = start | {"groups": ["backbone"], "process": os.getpid()}
    two = start | {"groups": ["neural_regret"], "process": ended_process()}
    rest = start | {"groups": [name for name in start["groups"] if name not in ("backbone", "neural_regret")]}
    epoch = {**events_of(made.path)[1], "group": "backbone", "epoch": 1}
    done = [FINISHED | {"process": line["process"], "host": line["host"]} for line in (one, two)]
    for lines, state, elapsed_s in (
        ([one, two, epoch], "running", 100 + 0),  # the newest has died, the older one lives
        ([one, two, epoch, done[0]], "interrupted", 30 + 0),
        ([one, two, epoch, *done], "interrupted", 30 + 30),  # other groups are left
        ([one, two, done[0], two | {"process": os.getpid()}, done[0], rest, FINISHED], "finished", 20 + 0 + 10 + 10),
    ):
        rewrite_events(made.path, lines)
        seen = view(made.path, seconds=100)
        assert (seen.state, seen.elapsed_s) == (state, elapsed_s)
    rewrite_events(
        made.path, [one, two, {"event": "group stopped", "group": "backbone", "epoch": 1, "reason": "x"}, rest]
    )
    assert view(made.path).groups[0].status == "stopped"


def test_a_run_without_events_is_starting(made: Any) -> None:
    (made.path / "events.jsonl").unlink()
    seen = view(made.path)
    assert (seen.state, seen.elapsed_s, seen.process, seen.peak_memory_bytes) == ("starting", None, None, None)


def test_a_line_at_the_end_may_be_half_written_and_no_other(made: Any) -> None:
    file = made.path / "events.jsonl"
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    before, last = b"".join(lines[:-2]), lines[-2]
    file.write_bytes(before)
    expected = read_events(file)
    for length in range(len(last)):
        file.write_bytes(before + last[:length])
        assert read_events(file) == expected
    file.write_bytes(before + last)
    assert read_events(file) != expected
    file.write_bytes(before + last[:20] + b"\n")
    with pytest.raises(CheckpointError, match=rf"events\.jsonl line {len(lines) - 1} is damaged"):
        view(made.path)
    file.write_bytes(lines[0] + b"\xff" + b"".join(lines[1:]))
    with pytest.raises(CheckpointError, match=r"events\.jsonl line 2 is damaged"):
        view(made.path)


def test_groups_that_stopped_say_why_from_manifest_or_event(make_run: Any, groups: Any) -> None:
    made = make_run(groups, epochs=8, stopped={"neural_regret": 3})
    (made.path / "groups" / "후회_분석" / "manifest.json").unlink()
    lines = [line for line in events_of(made.path) if line.get("group") != "후회_분석"]
    stop = {"event": "group stopped", "group": "후회_분석", "epoch": 0, "reason": "it reads neural_regret"}
    rewrite_events(made.path, [*lines[:-1], stop, lines[-1]])
    logged = {group.name: (group.status, group.reason, group.done) for group in view(made.path).groups}
    assert logged["neural_regret"] == ("stopped", "the loss is not finite at epoch 4, update 7", 3)
    assert logged["후회_분석"] == ("stopped", "it reads neural_regret", 0)
    rewrite_events(made.path, [*lines[:-1], stop, lines[0]])
    (again,) = [group for group in view(made.path).groups if group.name == "후회_분석"]
    assert (again.status, again.reason) == ("no epoch yet", "")


def test_the_best_of_a_group_may_be_a_moving_average_as_train_and_sweetspot_say(made: Any) -> None:
    file = made.path / "groups" / "backbone" / "manifest.json"
    change(file, lambda table: table["averages"][4].update(validation_loss=0.01))
    (group, *_) = view(made.path).groups
    manifest = RunFolder(made.path).group("backbone").read()
    assert group.best is not None
    assert (group.best.name, group.best.sha256) == (manifest.best.name, manifest.best.sha256)
    assert group.best.name == "5 (average)"


def test_epochs_that_are_no_longer_kept_come_from_the_events_but_are_not_the_best(made: Any) -> None:
    file = made.path / "groups" / "backbone" / "manifest.json"
    change(file, lambda table: table.update({key: table[key][-2:] for key in ("epochs", "averages")}))
    (group, *_) = view(made.path).groups
    entries = made.manifests["backbone"].epochs
    assert [epoch.validation_loss for epoch in group.epochs] == [entry.validation_loss for entry in entries]
    assert group.best is not None
    assert group.best.epoch == min(entries[-2:], key=lambda entry: entry.validation_loss).epoch
    assert group.best.validation_loss > min(entry.validation_loss for entry in entries)


def test_reading_needs_no_lock_takes_none_and_writes_nothing(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a lock was asked for")

    with locked(made.path):
        before = hashes(made.path)
        monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
        view(made.path)
        assert hashes(made.path) == before


def test_no_run_is_an_error_that_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no run \(no run\.json\); start one with redheart train"):
        view(tmp_path)


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (
            "run.json",
            lambda t: t.update(format=9),
            r"run\.json is text 'run' of format 9, expected",
        ),
        ("run.json", lambda t: t["data"].pop("fingerprint"), r"data\.fingerprint: missing"),
    ],
)
def test_a_damaged_part_is_an_error_that_names_the_place(
    made: Any, file: str, edit: Callable[[Any], object], message: str
) -> None:
    change(made.path / file, edit)
    with pytest.raises(CheckpointError, match=message):
        view(made.path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.update(format=9), r"manifest\.json is text 'group' of format 9"),
        (lambda t: t.update(status="done"), r"status: done not in literal"),
        (
            lambda t: t["epochs"][2].update(validation_loss="low"),
            r"epochs\[2\]\.validation_loss: expects a finite number, got text 'low'",
        ),
    ],
)
def test_a_damaged_manifest_stops_its_group_alone(made: Any, edit: Callable[[Any], object], message: str) -> None:
    before = {group.name: group for group in view(made.path).groups}
    change(made.path / "groups" / "backbone" / "manifest.json", edit)
    after = {group.name: group for group in view(made.path).groups}
    damaged = after.pop("backbone")
    assert damaged.status == "stopped"
    assert re.search(message, damaged.reason)
    assert all(group == before[name] for name, group in after.items())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"event": "run started", "timestamp": "yesterday"}, "line 1 is damaged: expects a time, got"),
        ({"event": "run started", "timestamp": "2026-01-02T03:04:05"}, "expects a time with its zone"),
        ({"event": 3}, "line 1 is of no known event: 3"),
        ({"event": "group stopped", "group": 3}, "line 1 does not hold what it has to: group: expects text, got the"),
    ],
)
def test_a_damaged_event_is_an_error_that_names_the_line(made: Any, line: dict[str, Any], message: str) -> None:
    first, *_ = events_of(made.path)
    rewrite_events(made.path, [first | line if line["event"] == "run started" else line])
    with pytest.raises(CheckpointError, match=message):
        view(made.path)


def test_memory_is_counted_in_bytes_and_reported_after_each_epoch(made: Any, tmp_path: Path) -> None:
    held = bytearray(os.urandom(1)) * 300_000_000
    peak = peak_memory_bytes()
    assert peak is not None
    assert len(held) < peak < 100 * len(held)
    log = EventLog()
    log.file = made.path / "events.jsonl"
    log.redheart_after_epoch(EpochFinished("backbone", 8, 8, 1.0, 1.0, {}, 1e-3, 1.0))
    seen = view(made.path).peak_memory_bytes
    assert seen is not None
    assert peak <= seen < 2 * peak
