"""redheart in processes of their own, for what a process alone can show: signals, terminals, limits, closed streams.

They are forked from a server that has everything imported, so that none takes the seconds that torch takes to import.
"""

from __future__ import annotations

import multiprocessing
import os
import pty
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

import attrs
from front_door import TERMINAL, Answer

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["redheart_cli.main", "redheart_core.training.loop", "torch._dynamo"])


@attrs.frozen
class Stream:
    """A file descriptor on its way into a new process."""

    number: int

    def __reduce__(self) -> tuple[Callable[..., int], tuple[Any]]:
        return _received, (DupFd(self.number),)


def _received(sent: Any) -> int:
    number: int = sent.detach()
    return number


@attrs.frozen
class Started:
    """A command at work."""

    process: ForkServerProcess
    out: IO[bytes]
    err: IO[bytes]

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.is_alive()

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout_s: float = 300.0) -> Answer:
        """What it leaves; the code is that of a signal, negative, if one has ended it."""
        self.process.join(timeout_s)
        assert self.process.exitcode is not None, f"still at work after {timeout_s} s"
        out, err = (os.pread(file.fileno(), 1 << 24, 0).decode() for file in (self.out, self.err))
        return Answer(self.process.exitcode, out, err)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 300.0) -> None:
        """Until something is so, or the process has ended."""
        deadline = time.monotonic() + timeout_s
        while not condition() and self.running:
            assert time.monotonic() < deadline
            time.sleep(0.002)


@attrs.frozen
class Terminal:
    """A pseudo-terminal, and what has been shown on it."""

    descriptor: int
    shown: bytearray = attrs.field(factory=bytearray)

    def text(self) -> str:
        return self.shown.decode()


@contextmanager
def pseudo_terminal() -> Iterator[Terminal]:
    """A terminal; at the end it holds all that was shown."""
    reader, writer = pty.openpty()
    terminal = Terminal(writer)

    def collect() -> None:
        while True:
            try:
                part = os.read(reader, 65536)
            except OSError:  # how Linux reports that the other side is closed
                return
            terminal.shown.extend(part)

    watcher = threading.Thread(target=collect)
    watcher.start()
    try:
        yield terminal
    finally:
        os.close(writer)
        watcher.join(30)
        os.close(reader)


@contextmanager
def started(
    *arguments: str | Path,
    cwd: Path,
    given: bytes = b"",
    source: int | None = None,
    terminal: int | None = None,
    site: Path | None = None,
    before: Callable[[], object] | None = None,
    more: Mapping[str, str] | None = None,
) -> Iterator[Started]:
    """A command that begins; killed at the end should it still be at work.

    Args:
        arguments: Of the command line.
        cwd: The working directory.
        given: Standard input.
        source: A descriptor that takes its place.
        terminal: A descriptor that takes the place of all three standard streams.
        site: A folder of further plugins and modules, which comes first on the path.
        before: A function of a module, called in the process before the command starts.
        more: Environment variables.
    """
    variables = {name: value for name, value in os.environ.items() if name not in TERMINAL} | dict(more or {})
    with tempfile.TemporaryFile() as kept, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        kept.write(given)
        kept.seek(0)
        numbers = (kept.fileno() if source is None else source, out.fileno(), err.fileno())
        streams = [Stream(number if terminal is None else terminal) for number in numbers]
        process = SERVER.Process(target=_run, args=(list(map(str, arguments)), cwd, streams, site, before, variables))
        process.start()
        try:
            yield Started(process, out, err)
        finally:
            process.kill()
            process.join()


def redheart_process(*arguments: str | Path, cwd: Path, **options: Any) -> Answer:
    """Run a command to its end in a process of its own; see started."""
    with started(*arguments, cwd=cwd, **options) as command:
        return command.wait()


def run_and_die(function: Callable[..., object], *arguments: Any) -> int:
    """Call a function of a module in a process of its own; how that ends: 0, or a negative signal that killed it."""
    process = SERVER.Process(target=function, args=arguments)
    process.start()
    process.join(300)
    assert process.exitcode is not None
    return process.exitcode


def _run(
    arguments: list[str],
    cwd: Path,
    streams: list[int],
    site: Path | None,
    before: Callable[[], object] | None,
    variables: Mapping[str, str],
) -> None:
    """In the new process: what Python does at its start, and the command."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # These stay open as long as the process.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    if site:
        sys.path.insert(0, str(site))
    warnings.simplefilter("error", ResourceWarning)
    if before:
        before()
    from redheart_cli.__main__ import main

    sys.argv = ["redheart", *arguments]
    main()
