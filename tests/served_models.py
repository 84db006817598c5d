"""A server in this process, for tests: its app, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx

from redheart_server.access import Access
from redheart_server.app import make_app
from redheart_server.served import Models, Source, Wanted
from redheart_server.settings import Limits
from redheart_server.state import State

T = TypeVar("T")


def asked(
    models: Models,
    requests: Callable[[httpx.AsyncClient, State], Awaitable[T]],
    limits: Limits | None = None,
    access: Access | None = None,
    runs: Path | None = None,
) -> T:
    """What requests to a new server give."""

    async def ask() -> T:
        app, state = make_app(models, limits or Limits(), access, runs)
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await requests(client, state)
        finally:
            await asyncio.to_thread(state.worker.close)

    return asyncio.run(ask())


def loaded(*folders: Path, memory: str | None = None) -> Models:
    """Models called m0, m1 and so on."""
    return Models(
        Source(tuple(Wanted(f"m{number}", str(folder)) for number, folder in enumerate(folders))), memory=memory
    )
