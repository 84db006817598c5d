"""The events of a run as JSON lines in its folder."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

import attrs
import structlog

from redheart_core.contract.events import EpochFinished, GroupStopped, RunFinished, RunStarted
from redheart_core.contract.markers import hookimpl
from redheart_core.storage.files import write_bytes, writing


class EventLog:
    """An event plugin that appends to events.jsonl of the run; times are UTC."""

    file: Path

    @hookimpl
    def redheart_before_run(self, event: RunStarted) -> None:
        self.file = event.folder / "events.jsonl"
        self._drop_torn_line()
        self.write(
            "run started",
            groups=event.groups,
            epochs=event.epochs,
            epochs_done=dict(event.epochs_done),
            process=os.getpid(),
            host=platform.node(),
        )

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        self.write("epoch finished", **attrs.asdict(event), peak_memory_bytes=peak_memory_bytes())

    @hookimpl
    def redheart_after_group_stopped(self, event: GroupStopped) -> None:
        self.write("group stopped", **attrs.asdict(event))

    @hookimpl
    def redheart_after_run(self, event: RunFinished) -> None:
        self.write("run finished", stopped=event.stopped)

    def _drop_torn_line(self) -> None:
        """A kill may have left half a line at the end."""
        if self.file.exists():
            data = self.file.read_bytes()
            if not data.endswith(b"\n"):
                write_bytes(self.file, data[: data.rfind(b"\n") + 1])

    def write(self, event: str, **fields: Any) -> None:
        """Append one line."""
        with writing(self.file), self.file.open("a", encoding="utf-8") as stream:
            structlog.wrap_logger(
                structlog.WriteLogger(stream),
                processors=[
                    structlog.processors.TimeStamper(fmt="iso", utc=True),
                    structlog.processors.JSONRenderer(ensure_ascii=False),
                ],
            ).info(event, **fields)


def peak_memory_bytes() -> int:
    """The most main memory that this process has held so far, as getrusage(2) counts it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # Linux counts KiB
