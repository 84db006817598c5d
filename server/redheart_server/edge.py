"""What surrounds every request: its id, its size and time limits, security headers, and a line in the access log."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redheart_server.logs import log_failure
from redheart_server.problems import FAILED, ProblemError
from redheart_server.settings import Limits

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""Headers of every response, unless it has its own, as a page has its own policy."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
Observe = Callable[[str, int, float], None]
"""Gets the route, the status and the seconds of a request."""


class Edge:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, limits: Limits, observe: Observe) -> None:
        self.app, self.limits, self.observe = app, limits, observe
        self.log = structlog.get_logger("redheart.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, request_id, status = time.perf_counter(), _request_id(scope), 0
        state = scope.setdefault("state", {})
        state.update(request_id=request_id, body=b"", headers={})

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name for name, _ in message["headers"]}
                more = {**SECURITY, **state["headers"], "x-request-id": request_id}
                encoded = ((name.encode(), value.encode()) for name, value in more.items())
                message["headers"] = [*message["headers"], *(one for one in encoded if one[0] not in own)]
            await send(message)

        try:
            try:
                body = await _body(scope, receive, self.limits)
            except ProblemError as problem:
                response = problem.response(request_id)
                response.headers["connection"] = "close"  # the rest of the body is not read
                await response(scope, receive, send_with_headers)
                return
            if body is not None:
                state["body"] = body
                await self.app(scope, _replay(body, receive), send_with_headers)
        except Exception as error:
            log_failure(error, request_id)  # the end of the way: the server's own log would hold the message
            if not status:
                await ProblemError(500, FAILED).response(request_id)(scope, receive, send_with_headers)
        finally:
            seconds, route = time.perf_counter() - began, _route(scope)
            self.observe(route, status, seconds)
            self.log.info(
                "request", request_id=request_id, method=scope["method"], route=route, status=status,
                milliseconds=round(seconds * 1000, 1),
            )  # fmt: skip


def _request_id(scope: Scope) -> str:
    """The client's own if it gives one of a plain form."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """The path of the route, never what was asked for: that may hold a text."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else "none"


async def _body(scope: Scope, receive: Receive, limits: Limits) -> bytes | None:
    """The whole body, before anything works on the request; None if the client is gone.

    Raises:
        ProblemError: It is larger than allowed or takes too long.
    """
    too_large = ProblemError(
        413, f"a body of at most {limits.body_bytes:,} bytes is read; send the texts in several requests"
    )
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > limits.body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.receive_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > limits.body_bytes:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise ProblemError(408, f"the body did not arrive within {limits.receive_s:g} s; send it faster") from error


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, and then what else comes: that the client has gone."""
    given: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return given.pop() if given else await receive()

    return again
