"""Events of a run as server-sent events (HTML Standard, 9.2), from the log that its training writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from redheart_core.runs.event_log import EventReader, Finished, Line, kind_of
from redheart_core.runs.read_status import read_status
from redheart_core.storage.structuring import unstructure

LOOK_S = 0.5
"""From look to look into the log."""
QUIET_LOOKS = 10
"""Looks without an event after which it is asked whether the training still runs, and the connection is kept alive."""


async def follow(run: Path, after: int, stopping: Event) -> AsyncIterator[bytes]:
    """The events of a run behind the line of a number, as they are written, until nothing more will happen to it.

    Args:
        run: Its folder.
        after: Lines of the log that the reader has, as the ids of events say.
        stopping: Set when the server stops.

    Raises:
        CheckpointError: The log is damaged.
    """
    reader, quiet = EventReader(run / "events.jsonl"), QUIET_LOOKS
    while not stopping.is_set():
        before = reader.lines
        for number, line in enumerate(await asyncio.to_thread(reader.read), before + 1):
            quiet = QUIET_LOOKS if isinstance(line, Finished) else 0
            if number > after:
                yield message(kind_of(line), line, number)
        if quiet >= QUIET_LOOKS:
            status = await asyncio.to_thread(read_status, run, datetime.now(UTC))
            if status.state not in ("starting", "running"):
                yield message("over", None, reader.lines)
                return
            yield b": still training\n\n"
            quiet = 0
        quiet += 1
        await asyncio.sleep(LOOK_S)


def message(kind: str, line: Line | None, number: int) -> bytes:
    """One event in the text/event-stream format."""
    data = "{}" if line is None else json.dumps(unstructure(line), ensure_ascii=False, allow_nan=False)
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n".encode()
