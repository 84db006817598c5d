"""The events of a run: sealed JSON lines in its folder, written by a plugin of event hooks and read back as values."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import attrs
import structlog

from redheart_core.contract.errors import CheckpointError
from redheart_core.contract.events import EpochFinished, GroupStopped, RunFinished, RunStarted
from redheart_core.contract.markers import hookimpl
from redheart_core.storage.files import read_bytes, write_bytes, writing
from redheart_core.storage.locks import updating
from redheart_core.storage.sealed import parse_sealed_line, sealed_line
from redheart_core.storage.structuring import structure, unstructure


@attrs.frozen
class Began:
    """A process began or resumed groups of the run."""

    timestamp: str
    """UTC."""
    groups: tuple[str, ...]
    """Those that it trains; others may be at others at the same time."""
    epochs: Mapping[str, int]
    epochs_done: Mapping[str, int]
    process: int
    host: str


@attrs.frozen
class Epoch:
    """A group finished an epoch."""

    timestamp: str
    group: str
    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float
    metrics: Mapping[str, float | None]
    learning_rate: float
    seconds: float
    undefined: Mapping[str, str]
    peak_memory_bytes: int | None
    """Of the process; None where the system does not say."""
    agent_return: float | None = None


@attrs.frozen
class Stopped:
    """A group stopped at a fault."""

    timestamp: str
    group: str
    epoch: int
    reason: str


@attrs.frozen
class Finished:
    """All groups that a process trains have finished or stopped."""

    timestamp: str
    stopped: tuple[str, ...]
    process: int
    host: str


Line = Began | Epoch | Stopped | Finished
_KINDS: Mapping[str, type[Line]] = {
    "run started": Began,
    "epoch finished": Epoch,
    "group stopped": Stopped,
    "run finished": Finished,
}
_REMEDY = "remove that line; the checkpoints do not depend on it"


class EventLog:
    """An event plugin that appends to events.jsonl of the run; times are UTC."""

    file: Path

    @hookimpl
    def redheart_before_run(self, event: RunStarted) -> None:
        self.file = event.folder / "events.jsonl"
        epochs, done = dict(event.epochs), dict(event.epochs_done)
        self._write(Began(_now(), event.groups, epochs, done, os.getpid(), platform.node()))

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        self._write(Epoch(timestamp=_now(), **attrs.asdict(event), peak_memory_bytes=peak_memory_bytes()))

    @hookimpl
    def redheart_after_group_stopped(self, event: GroupStopped) -> None:
        self._write(Stopped(timestamp=_now(), **attrs.asdict(event)))

    @hookimpl
    def redheart_after_run(self, event: RunFinished) -> None:
        self._write(Finished(_now(), event.stopped, os.getpid(), platform.node()))

    def _drop_torn_line(self) -> None:
        """A kill of this or another process may have left half a line at the end."""
        if self.file.exists():
            data = self.file.read_bytes()
            if data and not data.endswith(b"\n"):
                write_bytes(self.file, data[: data.rfind(b"\n") + 1])

    def _write(self, line: Line) -> None:
        """Append one line; other processes that train groups of the run append to the same file."""
        with updating(self.file.parent):
            self._drop_torn_line()
            with writing(self.file), self.file.open("ab") as stream:
                log_event(stream, line)


def log_event(stream: BinaryIO, line: Line) -> None:
    """Write a line of events.jsonl."""
    structlog.wrap_logger(structlog.BytesLogger(stream), processors=[_seal]).info(kind_of(line), **unstructure(line))


def kind_of(line: Line) -> str:
    """What the log calls an event, such as "epoch finished"."""
    return next(name for name, cls in _KINDS.items() if isinstance(line, cls))


def _seal(logger: object, method: str, event: structlog.typing.EventDict) -> bytes:
    """The last processor of a structlog logger, which ends the line itself."""
    return sealed_line(event).removesuffix(b"\n")


def read_events(file: Path) -> list[Line]:
    """The events of all processes that worked on the run, in order; none if there is no file.

    A last line that has no end yet is passed over.

    Raises:
        CheckpointError: A line is damaged.
    """
    return EventReader(file).read()


@attrs.define
class EventReader:
    """Reads a log while it is written: each call gives what has come since the last one."""

    file: Path
    lines: int = 0
    """That were read."""
    _bytes: int = attrs.field(default=0, init=False)

    def read(self) -> list[Line]:
        """The whole lines that are new, in order; none if there is no file.

        Raises:
            CheckpointError: A line is damaged.
        """
        if not self.file.exists():
            return []
        *lines, _ = read_bytes(self.file)[self._bytes :].split(b"\n")
        found = []
        for line in lines:
            found.append(parse_line(line, f"{self.file} line {self.lines + 1}"))
            self.lines, self._bytes = self.lines + 1, self._bytes + len(line) + 1
        return found


def parse_line(line: bytes, where: str) -> Line:
    """The event of a line, without its end.

    Raises:
        CheckpointError: It is damaged.
    """
    table: dict[str, object] = parse_sealed_line(line, where, _REMEDY)
    kind = table.pop("event", None)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise CheckpointError(f"{where} is of no known event: {kind!r:.60} (known: {', '.join(_KINDS)}); {_REMEDY}")
    cls: type[Line] = _KINDS[kind]
    return structure(table, cls, where)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def peak_memory_bytes() -> int | None:
    """The most main memory that this process has held so far, as getrusage(2) counts it; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # Linux counts KiB
