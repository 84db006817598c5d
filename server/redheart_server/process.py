"""A server as a process: it listens, loads models anew on SIGHUP, and finishes what it has accepted on SIGTERM."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import attrs
import structlog
import uvicorn
from starlette.types import ASGIApp

from redheart_core.contract.errors import RedheartError, SettingsError
from redheart_server.access import Access
from redheart_server.app import make_app
from redheart_server.connections import timed
from redheart_server.logs import log_failure
from redheart_server.served import Models
from redheart_server.settings import Limits
from redheart_server.state import State
from redheart_server.worker import ClosedError

IDLE_S = 75
"""A connection is closed after so many seconds without a request: later than clients and proxies drop theirs (httpx
after 5, nginx after 60), so that no request meets a connection that is just being closed."""


@attrs.frozen
class Address:
    """Where a server listens."""

    host: str
    port: int
    """0 for a free one."""


class _Server(uvicorn.Server):
    """uvicorn, which ends in order on a signal instead of raising it again, and knows SIGHUP."""

    def __init__(
        self,
        config: uvicorn.Config,
        reload: Callable[[], None],
        started: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        super().__init__(config)
        self._reload, self._started, self._stopping = reload, started, stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def hang_up(number: int, frame: FrameType | None) -> None:
            self._reload()

        handlers: dict[signal.Signals, Any] = {signal.SIGINT: self.handle_exit, signal.SIGTERM: self.handle_exit}
        if sys.platform != "win32":
            handlers[signal.SIGHUP] = hang_up
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._started(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def listen(address: Address) -> socket.socket:
    """The socket that connections come to.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    host, port = address.host, address.port
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SettingsError(
            f"--host {host} --port {port}: {error.strerror}; choose another port, or --port 0 for a free one"
        ) from error
    # connections inherit it; without it the end of an answer waits 40 ms for the client's acknowledgement
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(
    models: Models,
    limits: Limits,
    access: Access,
    address: Address,
    started: Callable[[str], None],
    runs: Path | None = None,
    workers: int = 1,
) -> None:
    """Answer until SIGINT or SIGTERM; what was accepted by then is finished.

    Args:
        models: Loaded.
        limits: Of every request.
        access: Who may ask.
        address: Where to listen.
        started: Gets the address once requests are answered.
        runs: A folder of runs that pages and /v1/runs show; None shows none.
        workers: Processes that compute, with this one.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    listening = listen(address)
    app, state = make_app(models, limits, access, runs, workers)
    _Server(configured(app, limits), lambda: _reload(state), started, state.stopping).run([listening])


def configured(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    """How an app is served."""
    return uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="on", http=timed(limits.receive_s),
        proxy_headers=False,  # addresses alone believe a proxy, and only where one was announced
        timeout_graceful_shutdown=limits.stop_s, timeout_keep_alive=IDLE_S, h11_max_incomplete_event_size=65536,
    )  # fmt: skip


def _reload(state: State) -> None:
    """Read keys and load models anew, in the thread that computes: loading changes how many threads compute."""
    log = structlog.get_logger("redheart.server")

    def load(items: object) -> list[Any]:
        state.reload()
        return []

    def submit() -> None:
        try:
            error = state.worker.submit(load, ()).exception()
        except ClosedError:
            return  # the server stops
        if error is None:
            state.worker.renew()
            log.info("keys and models loaded anew", models=sorted(state.models.current))
            return
        if not isinstance(error, RedheartError):
            log_failure(error, "reload")
        log.error("not loaded anew; the old models go on", reason=str(error))

    threading.Thread(target=submit, name="redheart-reload", daemon=True).start()  # a signal handler takes no lock
