"""The pages themselves, which hold no data: what they show is asked for with the reader's key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from redheart_server.pages.rendering import render, static_response
from redheart_server.pages.words import chosen_language
from redheart_server.problems import ProblemError
from redheart_server.state import State

Lang = Annotated[str | None, Query(max_length=8)]
Accepted = Annotated[str, Header(alias="accept-language")]


def shell_routes(state: State, with_runs: bool) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def try_it(lang: Lang = None, accepted: Accepted = "") -> Response:
        return render(
            "try.html.j2",
            chosen_language(lang, accepted),
            page="try",
            with_runs=with_runs,
            asks=state.access.asks,
        )

    @router.get("/runs")
    async def runs(lang: Lang = None, accepted: Accepted = "") -> Response:
        if not with_runs:
            raise ProblemError(404, "no runs are shown here; start the server with redheart serve --runs DIR")
        language = chosen_language(lang, accepted)
        return render("runs.html.j2", language, page="runs", with_runs=with_runs, asks=state.access.asks)

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        found = static_response(name)
        if found is None:
            raise ProblemError(404, "there is no such file")
        return found

    return router
