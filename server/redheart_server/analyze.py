"""POST /v1/analyze: one text, or several."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from redheart_server.access import needs
from redheart_server.bodies import Record, Several, as_records, read_object
from redheart_server.documents import ANALYZED, ModelName, body_of
from redheart_server.problems import ProblemError
from redheart_server.served import Analyzing, model_headers
from redheart_server.state import State


def analyze_routes(state: State) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["analysis"], dependencies=[needs(state.access, "analyze")])

    @router.post("/v1/analyze", responses=ANALYZED, openapi_extra=body_of(Record, Several))
    async def analyze(request: Request, model: ModelName = None) -> Response:
        """One text gives what `redheart analyze --json` gives, several give a list of it in their order.

        A text with signs of self-harm, violence or danger gets `help` first; where the danger is now, with nothing
        else. Texts are answered together with those of other requests, which changes numbers by rounding alone. One of
        several texts that cannot be analyzed gives `refused` in its place. No text is stored or logged.
        """
        served = state.served(model)
        given = await read_object(request)
        several, records = "texts" in given, as_records(given, served.model)
        if len(records) > state.limits.texts:
            raise ProblemError(422, f"at most {state.limits.texts} texts a request are answered, got {len(records)}")
        items = [(f"text {number}" if several else "text", record) for number, record in enumerate(records, 1)]
        found = await state.answer(request, Analyzing(served), items)
        if several:
            content = b'{"analyses": [' + b", ".join(one.body for one in found) + b"]}"
        elif found[0].refused is not None:
            raise ProblemError(422, found[0].refused)
        else:
            content = found[0].body
        return Response(content, headers=model_headers(served.name, found[0]), media_type="application/json")

    return router
