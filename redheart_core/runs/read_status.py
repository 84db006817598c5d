"""Reads the folder of a run, alive or not, into a view of how far it is; locks nothing and writes nothing."""

from __future__ import annotations

import platform
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

import attrs

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.description import GroupDescription
from redheart_core.runs.event_log import Began, Epoch, Finished, Line, Stopped, read_events
from redheart_core.runs.history import LoggedEvents, read_history
from redheart_core.runs.run import RunFolder
from redheart_core.runs.status import GroupStatus, RunStatus, State, Status
from redheart_core.storage.temporary import process_is_alive


@attrs.define
class Work:
    """One process at its groups."""

    process: int | None
    """None where the log does not begin with a process."""
    host: str | None
    groups: frozenset[str]
    first: datetime
    last: datetime
    """Its newest event."""
    finished: bool = False
    replaced: bool = False
    """Another process has taken over one of its groups, which it must have left."""
    peak_memory_bytes: int | None = None

    @property
    def state(self) -> State:
        if self.finished:
            return "finished"
        gone = self.host == platform.node() and self.process is not None and not process_is_alive(self.process)
        return "interrupted" if self.replaced or gone else "running"


@attrs.define
class Log:
    """What events.jsonl says of the processes that worked on a run."""

    works: list[Work] = attrs.field(factory=list)
    """In the order in which they began."""

    @classmethod
    def of(cls, lines: Sequence[Line], file: Path) -> Log:
        """Sum up a log."""
        log = cls()
        for number, line in enumerate(lines, 1):
            log.add(line, _time(line.timestamp, f"{file} line {number}"))
        return log

    def add(self, line: Line, time: datetime) -> None:
        """Take in the next event."""
        if isinstance(line, Began):
            groups = frozenset(line.groups)
            for work in self.works:
                work.replaced = work.replaced or bool(work.groups & groups)
            self.works.append(Work(line.process, line.host, groups, time, time))
            return
        if not self.works:
            self.works.append(Work(None, None, frozenset(), time, time))
        work = self._work_of(line)
        work.last = time
        if isinstance(line, Epoch):
            work.peak_memory_bytes = line.peak_memory_bytes
        elif isinstance(line, Finished):
            work.finished = True

    def _work_of(self, line: Epoch | Stopped | Finished) -> Work:
        """The newest process that the event can be of."""
        for work in reversed(self.works):
            if isinstance(line, Finished):
                if (work.process, work.host) == (line.process, line.host):
                    return work
            elif line.group in work.groups:
                return work
        return self.works[-1]

    @property
    def newest(self) -> Work | None:
        """The process that began last."""
        return self.works[-1] if self.works else None

    def state(self, groups: Collection[str]) -> State:
        """Of the run, which has these groups."""
        states = {work.state for work in self.works}
        if not states:
            return "starting"
        if "running" in states:
            return "running"
        left = set(groups) - {group for work in self.works if work.finished for group in work.groups}
        open_ends = any(work.state == "interrupted" and not work.replaced for work in self.works)
        return "interrupted" if left or open_ends else "finished"

    def elapsed_s(self, now: datetime) -> float | None:
        """Time at work over all processes; that of a running one lasts until now."""
        if not self.works:
            return None
        ends = [(work.first, now if work.state == "running" else work.last) for work in self.works]
        return sum((last - first).total_seconds() for first, last in ends)


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
    if log.state(description.groups) == "interrupted":
        lines = read_events(file)  # the process may have finished after the first look
        log = Log.of(lines, file)
    state, logged, newest = log.state(description.groups), LoggedEvents.of(lines), log.newest
    tables = sorted(description.groups.items(), key=lambda item: item[1].tier)
    groups = [_read_group(run, name, table, description.training, logged) for name, table in tables]
    return RunStatus(
        path=run,
        state=state,
        interleave=description.training.interleave,
        groups=tuple(_without_parameters(groups, state)),
        process=newest.process if newest else None,
        host=newest.host if newest else None,
        peak_memory_bytes=newest.peak_memory_bytes if newest else None,
        elapsed_s=log.elapsed_s(now),
        returns=description.environment is not None,
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
