"""Where answers are computed: this process, or one beside it, which is replaced when it dies."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

import structlog

from redheart_server.lane_process import Failed, compute
from redheart_server.served import Hashes, Models, OfModel

Answer = Callable[[Sequence[Any]], Sequence[Any]]
"""Items to one result each; jobs with an equal function are answered by one call of it."""
_SPAWN = multiprocessing.get_context("spawn")
_LONGEST_WAIT_S = 60.0
_STOP_S = 10.0


class LaneDiedError(Exception):
    """The process of a lane has died; what it worked on is not answered."""


class LaneFailedError(Exception):
    """The process of a lane has failed on an answer; its log has the reason."""


class Lane(Protocol):
    """Computes; its own thread alone calls it, but for ask_to_renew."""

    @property
    def pid(self) -> int | None:
        """Of its process; None while there is none."""

    @property
    def has_to_settle(self) -> bool:
        """Whether settle has something to do before it computes."""

    def open(self, closing: threading.Event) -> None:
        """Begin; the event is set once the server stops."""

    def takes(self, answer: Answer, died: bool) -> bool:
        """Whether it computes this.

        Args:
            answer: What is asked for.
            died: Whether a process has died over it.
        """

    def compute(self, answer: Answer, items: Sequence[Any]) -> list[Any]:
        """Results of some items.

        Raises:
            LaneDiedError: The process died.
        """

    def ask_to_renew(self) -> threading.Event:
        """Have the models loaded anew; the event is set once they are."""

    def settle(self) -> bool:
        """Load models anew if asked to, replace a process that has died; whether it can compute."""

    def close(self) -> None:
        """End."""


class Here:
    """This process."""

    has_to_settle = False

    @property
    def pid(self) -> int:
        return os.getpid()

    def open(self, closing: threading.Event) -> None:
        """Nothing to begin."""

    def takes(self, answer: Answer, died: bool) -> bool:
        return not died

    def compute(self, answer: Answer, items: Sequence[Any]) -> list[Any]:
        return list(answer(items))

    def ask_to_renew(self) -> threading.Event:
        done = threading.Event()
        done.set()
        return done

    def settle(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing to end."""


class Beside:
    """A process of its own, with models of its own.

    Args:
        number: For the log.
        models: Of this process; it loads the same.
        died: Called when it has been replaced.
    """

    def __init__(self, number: int, models: Models, died: Callable[[], None]) -> None:
        self._number, self._models, self._died = number, models, died
        self._log = structlog.get_logger("redheart.server")
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._holds: dict[str, Hashes] = {}
        self._renewals: list[threading.Event] = []
        self._closing = threading.Event()

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None else process.pid

    @property
    def has_to_settle(self) -> bool:
        return self._process is None or bool(self._renewals)

    def open(self, closing: threading.Event) -> None:
        self._closing = closing

    def takes(self, answer: Answer, died: bool) -> bool:
        """What asks for the very model that it holds; over what a process has died, for one of that name."""
        if not isinstance(answer, OfModel):
            return False
        held = self._holds.get(answer.served.name)
        return held is not None and (died or held == answer.served.hashes)

    def compute(self, answer: Answer, items: Sequence[Any]) -> list[Any]:
        assert isinstance(answer, OfModel)
        assert self._connection is not None
        try:
            self._connection.send((type(answer), answer.served.name, answer.settings, list(items)))
            found = self._connection.recv()
        except (EOFError, OSError) as error:
            assert self._process is not None
            pid, self._process = self._process.pid, None
            self._connection.close()
            self._log.error("a worker has died and is replaced", worker=self._number, pid=pid)
            self._died()
            raise LaneDiedError(f"the worker {pid} has died") from error
        if isinstance(found, Failed):
            raise LaneFailedError(f"worker {self._number} failed with {found.error}")
        results: list[Any] = found
        return results

    def ask_to_renew(self) -> threading.Event:
        done = threading.Event()
        self._renewals.append(done)
        return done

    def settle(self) -> bool:
        renewals, old, old_connection = list(self._renewals), self._process, self._connection
        if old is not None and not renewals:
            return True
        wait_s = 1.0
        while not self._start():
            if self._closing.wait(wait_s):
                return False
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        if old is not None and old_connection is not None:
            _end(old, old_connection)
        for done in renewals:
            self._renewals.remove(done)
            done.set()
        return True

    def close(self) -> None:
        if self._process is not None and self._connection is not None:
            _end(self._process, self._connection)

    def _start(self) -> bool:
        """Start a process and wait until it has loaded its models."""
        ours, its = _SPAWN.Pipe()
        loaded = self._models.loaded
        process = _SPAWN.Process(
            target=compute, args=(its, loaded.source, self._number), name=f"redheart-worker-{self._number}"
        )
        process.start()
        its.close()
        try:
            holds = ours.recv()
        except EOFError:
            ours.close()
            process.join()
            self._log.error("a worker did not start; it is tried again", worker=self._number, code=process.exitcode)
            return False
        self._process, self._connection, self._holds = process, ours, holds
        self._log.info("worker started", worker=self._number, pid=process.pid)
        if holds != loaded.hashes:
            self._log.error(
                "files of a model have changed since the server loaded it; the worker answers nothing by that model "
                "until SIGHUP has all processes load it anew", worker=self._number,
                models=sorted(name for name in holds if holds[name] != loaded.hashes[name]),
            )  # fmt: skip
        return True


def _end(process: SpawnProcess, connection: Connection) -> None:
    """End a process, which does so by itself once nobody speaks with it."""
    connection.close()
    process.join(_STOP_S)
    if process.exitcode is None:
        process.kill()
        process.join()
