"""Reads the folder of a run, alive or not, into a view of how far it is; locks nothing and writes nothing."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

import attrs

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.description import GroupDescription
from redheart_core.runs.event_log import Began, Epoch, Finished, Line, read_events
from redheart_core.runs.history import LoggedEvents, read_history
from redheart_core.runs.run import RunFolder
from redheart_core.runs.status import GroupStatus, RunStatus, State, Status
from redheart_core.storage.temporary import process_is_alive


@attrs.define
class Log:
    """What events.jsonl says of the processes that worked on a run."""

    spans: list[tuple[datetime, datetime]] = attrs.field(factory=list)
    """Per process its first and its last event."""
    finished: bool = False
    process: int | None = None
    host: str | None = None
    peak_memory_bytes: int | None = None

    @classmethod
    def of(cls, lines: Sequence[Line], file: Path) -> Log:
        """Sum up a log."""
        log = cls()
        for number, line in enumerate(lines, 1):
            log.add(line, _time(line.timestamp, f"{file} line {number}"))
        return log

    def add(self, line: Line, time: datetime) -> None:
        """Take in the next event."""
        if isinstance(line, Began) or not self.spans:
            self.spans.append((time, time))
        self.spans[-1] = (self.spans[-1][0], time)
        if isinstance(line, Began):
            self.finished, self.peak_memory_bytes = False, None
            self.process, self.host = line.process, line.host
        elif isinstance(line, Epoch):
            self.peak_memory_bytes = line.peak_memory_bytes
        elif isinstance(line, Finished):
            self.finished = True

    def state(self) -> State:
        """Of the run."""
        if not self.spans:
            return "starting"
        if self.finished:
            return "finished"
        if self.process is not None and self.host == platform.node() and not process_is_alive(self.process):
            return "interrupted"
        return "running"

    def elapsed_s(self, state: State, now: datetime) -> float | None:
        """Time at work over all processes; that of a running one lasts until now."""
        if not self.spans:
            return None
        spans = [*self.spans[:-1], (self.spans[-1][0], now)] if state == "running" else self.spans
        return sum((last - first).total_seconds() for first, last in spans)


def read_status(run: Path, now: datetime) -> RunStatus:
    """How far a run is, by its folder.

    Args:
        run: Its folder; another process may be writing there.
        now: With a time zone, for the time at work.

    Raises:
        CheckpointError: No run, or run.json or an event is damaged; a damaged manifest stops its group alone.
    """
    description, file = RunFolder(run).read(), run / "events.jsonl"
    lines = read_events(file)  # before the manifests, so that these are never behind
    log = Log.of(lines, file)
    if log.state() == "interrupted":
        lines = read_events(file)  # the process may have finished after the first look
        log = Log.of(lines, file)
    state, logged = log.state(), LoggedEvents.of(lines)
    tables = sorted(description.groups.items(), key=lambda item: item[1].tier)
    groups = [_read_group(run, name, table, description.training, logged) for name, table in tables]
    return RunStatus(
        path=run,
        state=state,
        interleave=description.training.interleave,
        groups=tuple(_without_parameters(groups, state)),
        process=log.process,
        host=log.host,
        peak_memory_bytes=log.peak_memory_bytes,
        elapsed_s=log.elapsed_s(state, now),
    )


def _read_group(
    run: Path, name: str, table: GroupDescription, training: TrainSettings, logged: LoggedEvents
) -> GroupStatus:
    """A group; one whose manifest is damaged is stopped, and the others are read."""
    planned = table.settings.over(training).epochs
    try:
        history = read_history(run, name, logged)
    except CheckpointError as damage:
        return GroupStatus(name, table.tier, "stopped", str(damage), planned, epochs=(), best=None)
    status = "finished" if history.status == "fitted" else history.status or "no epoch yet"
    return GroupStatus(
        name=name,
        tier=table.tier,
        status=cast("Status", status),
        reason=history.reason,
        planned=planned,
        epochs=history.epochs,
        best=history.best,
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


def _time(text: str, where: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise CheckpointError(f"{where} is damaged: expects a time, got {text!r:.60}; remove that line") from error
    if time.tzinfo is None:
        raise CheckpointError(f"{where} is damaged: expects a time with its zone, got {text!r:.60}; remove that line")
    return time
