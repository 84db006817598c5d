"""All routes of the pages."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from redheart_server.pages.asking import asking_routes
from redheart_server.pages.run_routes import run_routes
from redheart_server.pages.shells import shell_routes
from redheart_server.state import State


def page_routes(state: State, runs: Path | None) -> tuple[APIRouter, ...]:
    """The pages, and what they ask for.

    Args:
        state: Of the server.
        runs: A folder of runs to show; None shows none.
    """
    always = shell_routes(state, runs is not None), asking_routes(state)
    return always if runs is None else (*always, run_routes(state, runs))
