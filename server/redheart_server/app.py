"""The ASGI app of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from redheart_server.about import about_routes, health_routes
from redheart_server.access import Access
from redheart_server.analyze import analyze_routes
from redheart_server.decide import decide_routes
from redheart_server.documents import document
from redheart_server.edge import Edge
from redheart_server.lanes import Beside
from redheart_server.memory import memory_routes
from redheart_server.metrics import Metrics, metrics_routes
from redheart_server.pages.routes import page_routes
from redheart_server.parameters import known_parameters
from redheart_server.problems import install_handlers
from redheart_server.runs import json_run_routes
from redheart_server.served import Models
from redheart_server.settings import Limits
from redheart_server.state import GoneError, State
from redheart_server.worker import Worker

CLIENT_GONE = 499
"""Status in the access log of a request whose client did not wait; nobody gets it."""


def make_app(
    models: Models, limits: Limits, access: Access | None = None, runs: Path | None = None, workers: int = 1
) -> tuple[ASGIApp, State]:
    """The app that answers with models, and what it shares.

    Args:
        models: Loaded.
        limits: Of every request.
        access: Who may ask; None for everybody who reaches it.
        runs: A folder of runs that pages and /v1/runs show; None shows none.
        workers: Processes that compute, with this one.
    """
    metrics = Metrics()
    beside = [Beside(number, models, metrics.replaced) for number in range(2, workers + 1)]
    worker = Worker(limits.waiting, limits.together, metrics.batch, beside)
    state = State(models, worker, limits, access or Access(), metrics)
    metrics.watch(lambda: worker.waiting, lambda: models.current, lambda: worker.processes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        state.worker.close()

    app = FastAPI(
        title="redheart",
        version=version("redheart"),
        description="Texts to labelled numbers. Help for a person in crisis stands first in every answer.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    install_handlers(app, state.find_help)

    @app.exception_handler(GoneError)
    def _gone(request: Request, error: GoneError) -> Response:
        return Response(status_code=CLIENT_GONE)

    for router in routers(state, runs):
        app.include_router(router, dependencies=[Depends(known_parameters)])
    for router in page_routes(state, runs):
        app.include_router(router)
    document(app)
    return Edge(app, limits, metrics.request), state


def routers(state: State, runs: Path | None) -> Iterator[APIRouter]:
    """All routes; what needs a key says so by itself."""
    yield health_routes(state)
    yield about_routes(state)
    yield metrics_routes(state.metrics, state.access)
    yield analyze_routes(state)
    yield decide_routes(state)
    if state.models.remembers:
        yield memory_routes(state)
    if runs is not None:
        yield json_run_routes(state, runs)
