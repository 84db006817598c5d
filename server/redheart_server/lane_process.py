"""A process beside the server that computes answers; it ends when the server does."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection

import attrs

from redheart_server.logs import log_failure, log_to
from redheart_server.served import Source


@attrs.frozen
class Failed:
    """In place of answers."""

    error: str
    """Its class; the log of the process has the rest."""


def compute(connection: Connection, source: Source, number: int) -> None:
    """Say which models there are, and answer until the server closes the connection; signals to end are its business.

    Args:
        connection: Gets what to compute, with which model, on which items; gives the results.
        source: What to load.
        number: For the log.
    """
    for one in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if sys.platform != "win32" else [])):
        signal.signal(one, signal.SIG_IGN)
    log_to(sys.stderr)
    models = source.load()
    connection.send(models.loaded.hashes)
    while True:
        try:
            kind, name, settings, items = connection.recv()
        except EOFError:
            return
        try:
            found = list(kind(models.current[name], **settings)(items))
        except Exception as error:
            log_failure(error, f"worker {number}")
            connection.send(Failed(type(error).__name__))
        else:
            connection.send(found)
