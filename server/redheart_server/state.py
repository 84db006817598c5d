"""What all routes of a server share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from starlette.requests import Request

from redheart_server.logs import log_failure
from redheart_server.problems import FAILED, ProblemError
from redheart_server.served import Models, Served
from redheart_server.settings import Limits
from redheart_server.worker import Answer, ClosedError, QueueFullError, Worker

if TYPE_CHECKING:
    from redheart_core.safety.help import Help


@attrs.frozen
class State:
    """Of one server."""

    models: Models
    worker: Worker
    limits: Limits

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

    async def answer(self, request: Request, answer: Answer, items: Sequence[Any], texts: Sequence[str]) -> list[Any]:
        """Have something computed, within the deadline and as long as the client waits.

        Args:
            request: Its body has been read.
            answer: Computes; jobs with an equal function are answered together.
            items: What it computes on.
            texts: Of a person who gets help even where nothing is computed.

        Raises:
            ProblemError: The queue is full, the server stops, the deadline has passed, or computing failed.
            GoneError: The client has gone.
        """
        try:
            future = asyncio.wrap_future(self.worker.submit(answer, items))
        except QueueFullError as error:
            raise await self._unavailable(str(error), error.retry_after_s, texts) from error
        except ClosedError as error:
            raise await self._unavailable(f"{error}; ask again, another one may answer", 5, texts) from error
        gone = asyncio.create_task(_until_gone(request))
        try:
            waited: tuple[asyncio.Future[Any], ...] = (future, gone)
            await asyncio.wait(waited, timeout=self.limits.deadline_s, return_when=asyncio.FIRST_COMPLETED)
            failure = future.exception() if future.done() else None
            if failure is not None:
                log_failure(failure, request.state.request_id)
                raise ProblemError(500, FAILED, help=await self._help(texts)) from failure
            if future.done():
                return future.result()
            if gone.done():
                raise GoneError
        finally:
            gone.cancel()
            future.cancel()
        said = f"no answer within {self.limits.deadline_s:g} s; send fewer texts at once, or try again later"
        raise await self._unavailable(said, max(1, round(self.limits.deadline_s / 2)), texts)

    async def _unavailable(self, said: str, retry_after_s: int, texts: Sequence[str]) -> ProblemError:
        return ProblemError(503, said, help=await self._help(texts), retry_after_s=retry_after_s)

    async def _help(self, texts: Sequence[str]) -> Help | None:
        """For the person who wrote the texts: for the most urgent one."""
        safety = self.served(None).model.safety
        found = await asyncio.to_thread(lambda: [help_ for text in texts if (help_ := safety.help_for(text))])
        return min(found, key=lambda one: not one.acute, default=None)


class GoneError(Exception):
    """The client has gone; nobody reads an answer."""


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
