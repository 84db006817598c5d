"""/v1/runs: the folder of runs as JSON, where the server was started with one; what the page of runs shows."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from redheart_server.access import needs
from redheart_server.problems import encode
from redheart_server.run_answers import RunLine, WholeRun, as_json
from redheart_server.run_documents import RUN, RUNS
from redheart_server.run_folder import find_run, read_run, read_runs
from redheart_server.state import State


def json_run_routes(state: State, folder: Path) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["runs"], prefix="/v1/runs", dependencies=[needs(state.access, "read")])

    @router.get("", responses=RUNS, summary="All runs, the one with the newest event first")
    async def listed() -> Response:
        return _json([as_json(RunLine.of(run)) for run in await asyncio.to_thread(read_runs, folder)])

    @router.get("/{name}", responses=RUN, summary="One run: how far it is, its curves, and what was chosen")
    async def one(name: str) -> Response:
        return _json(as_json(await asyncio.to_thread(_read, name, find_run(folder, name))))

    return router


def _read(name: str, path: Path) -> WholeRun:
    return WholeRun.read(read_run(name, path), path)


def _json(value: object) -> Response:
    return Response(encode(value), media_type="application/json")
