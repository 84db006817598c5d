"""What the page of runs asks for: the list, one run, its events, and the plugins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from redheart_core.runs.event_log import peak_memory_bytes
from redheart_server.access import needs
from redheart_server.pages.following import follow
from redheart_server.pages.rendering import render
from redheart_server.pages.run_view import choices, curves, duration, heat_epochs, heat_rows, size_words
from redheart_server.problems import ProblemError
from redheart_server.run_folder import bytes_by_part, find_run, free_bytes, read_run, read_runs
from redheart_server.state import State

Lang = Annotated[Literal["en", "ko"], Query()]
LastEvent = Annotated[int, Header(alias="last-event-id", ge=0)]


def run_routes(state: State, folder: Path) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(state.access, "read")])

    @router.get("/v1/page/runs")
    async def listed(lang: Lang = "en") -> Response:
        found = await asyncio.to_thread(read_runs, folder)
        values = {"folder": str(folder), "free": size_words(free_bytes(folder)), "own": peak_memory_bytes()}
        return render("run_list.html.j2", lang, found=found, size_words=size_words, **values)

    @router.get("/v1/runs/{name}/page")
    async def one(name: str, lang: Lang = "en") -> Response:
        return await asyncio.to_thread(run_page, name, find_run(folder, name), lang)

    @router.get("/v1/runs/{name}/events")
    async def events(name: str, last: LastEvent = 0) -> Response:
        run = find_run(folder, name)
        return StreamingResponse(follow(run, last, state.stopping), media_type="text/event-stream")

    @router.get("/v1/plugins/page")
    async def plugins(lang: Lang = "en") -> Response:
        import redheart

        rows = await asyncio.to_thread(redheart.plugins)
        return render("plugin_list.html.j2", lang, rows=sorted(rows, key=lambda row: not row.broken))

    return router


def run_page(name: str, path: Path, lang: str) -> Response:
    """A run as it is now, in a language.

    Raises:
        ProblemError: It cannot be read.
    """
    found = read_run(name, path)
    if found.status is None:
        raise ProblemError(422, found.damage)
    returns = found.status.returns
    return render(
        "run.html.j2",
        lang,
        name=name,
        status=found.status,
        returns=returns,
        curves=curves(found.status, returns),
        epochs=heat_epochs(found.status),
        heat=heat_rows(found.status, returns),
        parts=bytes_by_part(path),
        free=size_words(free_bytes(path)),
        size_words=size_words,
        duration=duration,
        **choices(path),
    )
