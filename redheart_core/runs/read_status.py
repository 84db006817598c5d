"""Reads the folder of a run, alive or not, into a view of how far it is; locks nothing and writes nothing."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.manifest import RUN_FORMAT
from redheart_core.runs.status import EpochStatus, GroupStatus, RunStatus, State, Status
from redheart_core.storage.json_parts import Part


@attrs.define
class Log:
    """What events.jsonl tells."""

    spans: list[tuple[datetime, datetime]] = attrs.field(factory=list)
    """Per process its first and its last event."""
    finished: bool = False
    process: int | None = None
    host: str | None = None
    peak_memory_bytes: int | None = None
    stopped: dict[str, str] = attrs.field(factory=dict)
    """Group to reason, in the newest process."""
    epochs: dict[str, dict[int, EpochStatus]] = attrs.field(factory=dict)
    """Per group the newest word on each epoch."""

    def add(self, line: Part) -> None:
        """Take in the next event."""
        time, kind = _time(line["timestamp"]), line["event"].text()
        if kind == "run started" or not self.spans:
            self.spans.append((time, time))
        self.spans[-1] = (self.spans[-1][0], time)
        if kind == "run started":
            told = line.entries()
            self.finished = False
            self.stopped = {}
            self.peak_memory_bytes = None
            self.process = told["process"].integer() if "process" in told else None
            self.host = told["host"].text() if "host" in told else None
        elif kind == "group stopped":
            self.stopped[line["group"].text()] = line["reason"].text()
        elif kind == "epoch finished":
            epoch = _epoch(line, line["seconds"].number())
            self.epochs.setdefault(line["group"].text(), {})[epoch.epoch] = epoch
            if "peak_memory_bytes" in line.entries():
                self.peak_memory_bytes = line["peak_memory_bytes"].integer()
        elif kind == "run finished":
            self.finished = True

    def state(self) -> State:
        """Of the run."""
        if not self.spans:
            return "starting"
        if self.finished:
            return "finished"
        if self.process is not None and self.host == platform.node() and not _is_there(self.process):
            return "interrupted"
        return "running"

    def elapsed_s(self, state: State, now: datetime) -> float | None:
        """Time at work over all processes; that of a running one lasts until now."""
        if not self.spans:
            return None
        spans = [*self.spans[:-1], (self.spans[-1][0], now)] if state == "running" else self.spans
        return sum((last - first).total_seconds() for first, last in spans)


def read_status(run: Path, now: datetime) -> RunStatus:
    """How far a run is, as its folder tells.

    Args:
        run: Its folder; another process may be writing there.
        now: With a time zone, for the time at work.

    Raises:
        CheckpointError: No run, or run.json, a manifest or an event is damaged.
    """
    file = run / "run.json"
    if not file.exists():
        raise CheckpointError(f"{run} holds no run (no run.json); start one with redheart train -o {run}")
    description = Part.read(file)
    if description["format"].value != RUN_FORMAT:
        raise CheckpointError(f"{file} is not a run of format {RUN_FORMAT}; train again with this version")
    log = read_log(run / "events.jsonl")  # before the manifests, so that these are never behind
    if log.state() == "interrupted":
        log = read_log(run / "events.jsonl")  # the process may have finished after the first look
    state = log.state()
    tables = sorted(description["groups"].entries().items(), key=lambda item: item[1]["tier"].integer())
    groups = [_read_group(run, name, table["tier"].integer(), log) for name, table in tables]
    return RunStatus(
        path=run,
        state=state,
        epochs=description["training"]["epochs"].integer(),
        interleave=description["training"]["interleave"].text(),
        groups=tuple(_without_parameters(groups, state)),
        process=log.process,
        host=log.host,
        peak_memory_bytes=log.peak_memory_bytes,
        elapsed_s=log.elapsed_s(state, now),
    )


def read_log(file: Path) -> Log:
    """The events of all processes that worked on the run; a last line that has no end yet is passed over.

    Raises:
        CheckpointError: A line is damaged.
    """
    log = Log()
    if not file.exists():
        return log
    *lines, _ = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        where = f"{file} line {number}"
        try:
            value = json.loads(line)
        except ValueError as error:
            raise CheckpointError(f"{where} is damaged: not JSON ({error}); remove that line") from error
        log.add(Part(value, where, CheckpointError))
    return log


def _read_group(run: Path, name: str, tier: int, log: Log) -> GroupStatus:
    """A group's manifest; epochs that retention removed are filled in from the events."""
    file = run / "groups" / name / "manifest.json"
    status: Status = "no epoch yet"
    reason = ""
    kept: dict[int, EpochStatus] = {}
    told = log.epochs.get(name, {})
    if file.exists():
        manifest = Part.read(file)
        if manifest["format"].value != RUN_FORMAT:
            raise CheckpointError(f"{file} is not of format {RUN_FORMAT}; train the group again with this version")
        status, reason = _status(manifest["status"]), manifest["reason"].text()
        for part in manifest["epochs"].items():
            number = part["epoch"].integer()
            kept[number] = _epoch(part, told[number].seconds if number in told else None)
    if status != "finished" and name in log.stopped:
        status, reason = "stopped", log.stopped[name]
    newest = max(kept, default=0)
    epochs = {number: epoch for number, epoch in told.items() if number < newest} | kept
    return GroupStatus(
        name=name,
        tier=tier,
        status=status,
        reason=reason,
        epochs=tuple(epochs[number] for number in sorted(epochs)),
        best=min(kept.values(), key=lambda epoch: (epoch.validation_loss, epoch.epoch), default=None),
    )


def _without_parameters(groups: Sequence[GroupStatus], state: State) -> list[GroupStatus]:
    """Calculators have no epochs: nothing of them is on disk when their turn is over."""
    begun = max((group.tier for group in groups if group.epochs), default=0)
    return [
        attrs.evolve(group, status="nothing to train")
        if group.status == "no epoch yet" and (group.tier < begun or state == "finished")
        else group
        for group in groups
    ]


def _status(part: Part) -> Status:
    known: Mapping[str, Status] = {"running": "running", "finished": "finished", "stopped": "stopped"}
    if part.text() not in known:
        raise CheckpointError(f"{part.where} is damaged: expects {', '.join(sorted(known))}, got {part.value!r:.60}")
    return known[part.text()]


def _epoch(part: Part, seconds: float | None) -> EpochStatus:
    """Figures that a manifest and an event have in common."""
    return EpochStatus(
        epoch=part["epoch"].integer(),
        train_loss=part["train_loss"].number(),
        validation_loss=part["validation_loss"].number(),
        learning_rate=part["learning_rate"].number(),
        seconds=seconds,
    )


def _time(part: Part) -> datetime:
    try:
        time = datetime.fromisoformat(part.text())
    except ValueError as error:
        raise CheckpointError(f"{part.where} is damaged: expects a time, got {part.value!r:.60}") from error
    if time.tzinfo is None:
        raise CheckpointError(f"{part.where} is damaged: expects a time with its zone, got {part.value!r:.60}")
    return time


def _is_there(process: int) -> bool:
    """Whether this machine has a process of that number; one that ended may have passed its number on."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
