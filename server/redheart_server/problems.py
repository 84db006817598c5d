"""Errors as problem details (RFC 9457): what was expected, what came, how to fix it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from redheart_core.safety.help import Help

MEDIA_TYPE = "application/problem+json"
FAILED = "the server failed on this request; its log has the reason under the request id"
FindHelp = Callable[[bytes], Awaitable["Help | None"]]
"""Gets the body of a request."""
_SHOWN = 20
"""Errors of one body that are listed."""


class ProblemError(Exception):
    """A request that is not answered."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
        found: Help | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more, self.found = status, detail, more, found
        self.headers = {**(headers or {}), **({} if retry_after_s is None else {"retry-after": str(retry_after_s)})}

    def response(self, request_id: str, found: Help | None = None) -> Response:
        """As the client gets it; help for a person in crisis stands first."""
        first = {} if found is None else {"help": found.to_json()}
        body = {
            **first,
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
            **self.more,
        }
        return Response(encode(body), self.status, self.headers, MEDIA_TYPE)


def encode(value: Any) -> bytes:
    """JSON in UTF-8; halves of surrogate pairs, which UTF-8 does not have, are written as JSON escapes.

    Raises:
        ValueError: A number is not finite.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


def install_handlers(app: FastAPI, find_help: FindHelp) -> None:
    """From now on the app answers every error as problem details, help for the person who wrote the body first."""

    async def answer(request: Request, problem: ProblemError) -> Response:
        silent = problem.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        found = problem.found if silent or problem.found else await find_help(request.state.body)
        return problem.response(request.state.request_id, found)

    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> Response:
        return await answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        places = [{**one, "loc": one["loc"][1:]} for one in error.errors()]  # without "query"
        return await answer(request, refuse_fields(places))

    @app.exception_handler(Exception)
    async def _failed(request: Request, error: Exception) -> Response:
        return await answer(request, ProblemError(500, FAILED))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return await answer(request, ProblemError(error.status_code, _in_words(request, error), headers=error.headers))


def refuse_fields(errors: Sequence[Mapping[str, Any]]) -> ProblemError:
    """Of each error of a validation its place as a JSON pointer (RFC 6901), and what was expected; never what came."""
    found = [
        {"pointer": "".join(f"/{_escaped(part)}" for part in one["loc"]), "detail": str(one["msg"])}
        for one in errors[:_SHOWN]
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in found[:3])
    return ProblemError(422, detail, errors=found)


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _in_words(request: Request, error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "there is nothing at this path; /openapi.json lists what there is"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.method} is not answered here; use {allowed}"
    return str(error.detail)
