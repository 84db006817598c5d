"""Command lines of `redheart serve`, run one after another in a process of their own, with a free port."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from click.testing import CliRunner
from own_process import SERVER

INSTALLED = (None, "ready", "ready_dilemmas")
READY_S = 300.0


def load_installed_models_once(patch: pytest.MonkeyPatch) -> None:
    """Loading takes most of the time of an analysis; a model in the reader's folder is loaded each time."""
    import redheart.loading

    load = redheart.loading.load_with
    load_once = cache(load)

    def load_with(model: str | Path | None, *options: Any) -> redheart.Model:
        return (load_once if model in INSTALLED else load)(model, *options)

    patch.setattr(redheart.loading, "load_with", load_with)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@attrs.frozen
class ServedLines:
    """A process that runs a command line, and the next one once that has ended."""

    process: ForkServerProcess
    lines: Connection

    @contextmanager
    def serve(self, folder: Path, arguments: Sequence[str]) -> Iterator[str]:
        """A server that is ready inside the block, by its address, and has to end with exit code 0.

        Args:
            folder: Where it is started.
            arguments: Behind `redheart serve`.
        """
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        self.lines.send((folder, ["serve", *arguments, "--port", str(port)]))
        deadline = time.monotonic() + READY_S
        while not _ready(address):
            if self.lines.poll(0.1):
                raise AssertionError(f"redheart serve {' '.join(arguments)} ended: {self.lines.recv()[1]}")
            assert time.monotonic() < deadline, f"redheart serve {' '.join(arguments)} is not ready"
        try:
            yield address
        finally:
            assert self.process.pid is not None
            os.kill(self.process.pid, signal.SIGTERM)
            assert self.lines.poll(READY_S), f"redheart serve {' '.join(arguments)} does not stop"
            code, said = self.lines.recv()
        assert code == 0, said


@contextmanager
def served_lines() -> Iterator[ServedLines]:
    """The process, which is gone afterwards."""
    here, there = SERVER.Pipe()
    process = SERVER.Process(target=_serve_each, args=(there,))
    process.start()
    there.close()
    try:
        with here:
            yield ServedLines(process, here)
            here.send(None)
            process.join(30)
    finally:
        process.kill()
        process.join()


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=30).status_code == 200
    except httpx.TransportError:  # it does not listen yet, or begins
        return False


def _serve_each(lines: Connection) -> None:
    """In the process: every command line that comes, to its end."""
    from redheart_cli.main import cli

    with pytest.MonkeyPatch.context() as patch:
        load_installed_models_once(patch)
        while (asked := lines.recv()) is not None:
            folder, arguments = asked
            os.chdir(folder)
            done = CliRunner().invoke(cli, arguments, prog_name="redheart")
            lines.send((done.exit_code, done.output))
