"""What all routes of a server share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from starlette.requests import Request

from redheart_server.access import Access
from redheart_server.crisis import help_for_body
from redheart_server.lanes import Answer
from redheart_server.logs import log_failure
from redheart_server.metrics import Metrics
from redheart_server.problems import FAILED, ProblemError
from redheart_server.served import Models, Served
from redheart_server.settings import Limits
from redheart_server.worker import ClosedError, QueueFullError, Worker

if TYPE_CHECKING:
    from redheart_core.safety.help import Help


@attrs.frozen
class State:
    """Of one server."""

    models: Models
    worker: Worker
    limits: Limits
    access: Access
    metrics: Metrics
    stopping: threading.Event = attrs.field(factory=threading.Event)
    """Set once the server is asked to stop: answers that have no end of their own end then."""

    def served(self, name: str | None) -> Served:
        """The model of a name, or the first one.

        Raises:
            ProblemError: There is none of that name.
        """
        current = self.models.current
        if name is None:
            return next(iter(current.values()))
        if name not in current:
            raise ProblemError(404, f"there is no model {name!r:.60} here (models: {', '.join(sorted(current))})")
        return current[name]

    async def answer(self, request: Request, answer: Answer, items: Sequence[Any]) -> list[Any]:
        """Have something computed, within the deadline and as long as the client waits.

        Args:
            request: Its body has been read.
            answer: Computes; jobs with an equal function are answered together.
            items: What it computes on.

        Raises:
            ProblemError: The queue is full, the server stops, the deadline has passed, or computing failed.
            GoneError: The client has gone.
        """
        try:
            future = asyncio.wrap_future(self.worker.submit(answer, items))
        except QueueFullError as error:
            raise ProblemError(503, str(error), retry_after_s=error.retry_after_s) from error
        except ClosedError as error:
            raise ProblemError(503, f"{error}; ask again, another one may answer", retry_after_s=5) from error
        gone = asyncio.create_task(_until_gone(request))
        try:
            waited: tuple[asyncio.Future[Any], ...] = (future, gone)
            await asyncio.wait(waited, timeout=self.limits.deadline_s, return_when=asyncio.FIRST_COMPLETED)
            failure = future.exception() if future.done() else None
            if failure is not None:
                log_failure(failure, request.state.request_id)
                raise ProblemError(500, FAILED) from failure
            if future.done():
                return future.result()
            if gone.done():
                raise GoneError
        finally:
            gone.cancel()
            future.cancel()
        said = f"no answer within {self.limits.deadline_s:g} s; send fewer texts at once, or try again later"
        raise ProblemError(503, said, retry_after_s=max(1, round(self.limits.deadline_s / 2)))

    async def find_help(self, body: bytes) -> Help | None:
        """For the person who wrote a body."""
        return await help_for_body(self.served(None).model.safety, body)

    def reload(self) -> None:
        """Read keys and load models anew; requests that are under way keep the old models.

        Raises:
            RedheartError: A key file or a model cannot be read; what could not be read stays as it was.
        """
        self.access.reload()
        self.models.reload()


class GoneError(Exception):
    """The client has gone; nobody reads an answer."""


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
