"""What a server holds, and how it is: models, plugins, health."""

from __future__ import annotations

import asyncio

import attrs
from fastapi import APIRouter
from starlette.responses import Response

from redheart_server.access import needs
from redheart_server.documents import HEALTH, LISTED
from redheart_server.problems import ProblemError, encode
from redheart_server.state import State


def about_routes(state: State) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["about"], dependencies=[needs(state.access, "read")])

    @router.get("/v1/models", responses=LISTED, summary="The models that answer here, the first one by default")
    async def models() -> Response:
        return _json([served.described() for served in state.models.current.values()])

    @router.get("/v1/plugins", responses=LISTED, summary="What redheart plugins list --json gives")
    async def plugins() -> Response:
        import redheart

        return _json([attrs.asdict(row) for row in await asyncio.to_thread(redheart.plugins)])

    return router


def health_routes(state: State) -> APIRouter:
    """The routes that need no key."""
    router = APIRouter(tags=["health"], prefix="/health")

    @router.get("/live", responses=HEALTH, summary="Whether the process answers")
    async def live() -> Response:
        return _json({"status": "live"})

    @router.get("/ready", responses=HEALTH, summary="Whether texts are taken")
    async def ready() -> Response:
        if not state.worker.ready:
            raise ProblemError(503, "no text is taken: the server stops", retry_after_s=5)
        return _json({"status": "ready"})

    return router


def _json(value: object) -> Response:
    return Response(encode(value), media_type="application/json")
