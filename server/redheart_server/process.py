"""A server as a process: it listens, loads models anew on SIGHUP, and finishes what it has accepted on SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import structlog
import uvicorn

from redheart_server.app import make_app
from redheart_server.served import Models
from redheart_server.settings import Limits
from redheart_server.state import State


class _Server(uvicorn.Server):
    """uvicorn, which ends in order on a signal instead of raising it again, and knows SIGHUP."""

    def __init__(self, config: uvicorn.Config, reload: Callable[[], None], started: Callable[[str], None]) -> None:
        super().__init__(config)
        self._reload, self._started = reload, started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def hang_up(number: int, frame: FrameType | None) -> None:
            self._reload()

        handlers: dict[signal.Signals, Any] = {signal.SIGINT: self.handle_exit, signal.SIGTERM: self.handle_exit}
        if hasattr(signal, "SIGHUP"):  # Windows has none
            handlers[signal.SIGHUP] = hang_up
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._started(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def serve(models: Models, limits: Limits, host: str, port: int, started: Callable[[str], None]) -> None:
    """Answer until SIGINT or SIGTERM; what was accepted by then is finished.

    Args:
        models: Loaded.
        limits: Of every request.
        host: Address to listen on.
        port: Likewise; 0 for a free one.
        started: Gets the address once requests are answered.
    """
    app, state = make_app(models, limits)
    config = uvicorn.Config(
        app, host, port, log_config=None, access_log=False, server_header=False, lifespan="on",
        timeout_graceful_shutdown=limits.stop_s, h11_max_incomplete_event_size=65536,
    )  # fmt: skip
    _Server(config, lambda: _reload(state), started).run()


def _reload(state: State) -> None:
    """Load models anew, in the thread that computes: loading changes the number of threads as computing does."""
    log = structlog.get_logger("redheart.server")

    def load(items: object) -> list[Any]:
        state.models.reload()
        return []

    def submit() -> None:
        error = state.worker.submit(load, ()).exception()
        if error is None:
            log.info("models loaded anew", models=sorted(state.models.current))
        else:
            log.error("models not loaded anew; the old ones go on", reason=str(error))

    threading.Thread(target=submit, name="redheart-reload", daemon=True).start()  # a signal handler takes no lock
