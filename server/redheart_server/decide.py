"""POST /v1/decide: acts side by side."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from redheart_server.access import needs
from redheart_server.bodies import read_object
from redheart_server.documents import DECIDED, ModelName, dilemma_body
from redheart_server.served import Deciding, model_headers
from redheart_server.state import State


def decide_routes(state: State) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["analysis"], dependencies=[needs(state.access, "decide")])

    @router.post("/v1/decide", responses=DECIDED, openapi_extra=dilemma_body())
    async def decide(request: Request, model: ModelName = None) -> Response:
        """What `redheart decide --file FILE --json` gives for the same dilemma.

        The order is never a verdict: beside it stand the probability of each act to come first and what it rests on.
        Help stands first for a person in crisis; where the danger is now, with nothing else.
        """
        served = state.served(model)
        given = await read_object(request)
        (found,) = await state.answer(request, Deciding(served), [given])
        if found.refused is not None:
            raise found.problem()
        return Response(found.body, headers=model_headers(served.name, found), media_type="application/json")

    return router
