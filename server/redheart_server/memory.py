"""/v1/memory: cases kept, found and deleted, where the server was started with a memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from redheart.crisis import CrisisError
from redheart_core.contract.errors import DataError
from redheart_server.access import needs
from redheart_server.bodies import read_as, read_object
from redheart_server.documents import ADDED, DELETED, SEARCHED, body_of
from redheart_server.memory_bodies import Add, Delete, Search
from redheart_server.problems import encode
from redheart_server.served import Said
from redheart_server.state import State

if TYPE_CHECKING:
    from redheart.memory import Memory


def memory_routes(state: State) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["memory"], prefix="/v1/memory", dependencies=[needs(state.access, "memory")])

    async def ask(request: Request, work: Callable[[Memory], dict[str, Any]]) -> Response:
        def answer(items: Sequence[Any]) -> list[Said]:
            try:
                return [Said(encode(work(state.models.memory)))]
            except CrisisError as error:
                return [Said(b"", str(error), help=error.help)]
            except DataError as error:
                return [Said(b"", str(error))]

        (found,) = await state.answer(request, answer, [None])
        if found.refused is not None:
            raise found.problem()
        return Response(found.body, media_type="application/json")

    @router.post("", responses=ADDED, openapi_extra=body_of(Add))
    async def add(request: Request) -> Response:
        """Keep a case: the vector of a text, and what is said of it.

        The text itself is kept only where the server was started with --keep-text. A text with a sign of a crisis is
        answered with who can help, and nothing of it is kept.
        """
        body = read_as(Add, await read_object(request))
        return await ask(request, lambda memory: body.add_to(memory, state.models.keep_text))

    @router.post("/search", responses=SEARCHED, openapi_extra=body_of(Search))
    async def search(request: Request) -> Response:
        """The cases nearest to a text, which is not kept; none where help stands alone."""
        body = read_as(Search, await read_object(request))
        safety = state.served(None).model.safety
        return await ask(request, lambda memory: body.search_in(memory, safety))

    @router.post("/delete", responses=DELETED, openapi_extra=body_of(Delete))
    async def delete(request: Request) -> Response:
        """Delete the chosen cases, so that the memory's files hold none of their bytes."""
        body = read_as(Delete, await read_object(request))
        return await ask(request, lambda memory: body.delete_from(memory))

    return router
