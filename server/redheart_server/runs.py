"""/v1/runs: the folder of runs as JSON, where the server was started with one; what the page of runs shows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
from fastapi import APIRouter
from starlette.responses import Response

from redheart_server.access import needs
from redheart_server.problems import ProblemError, encode
from redheart_server.run_documents import RUN, RUNS
from redheart_server.run_folder import (
    Choices,
    FoundRun,
    bytes_by_part,
    find_run,
    free_bytes,
    read_choices,
    read_run,
    read_runs,
)
from redheart_server.state import State


def json_run_routes(state: State, folder: Path) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["runs"], prefix="/v1/runs", dependencies=[needs(state.access, "read")])

    @router.get("", responses=RUNS, summary="All runs, the one with the newest event first")
    async def listed() -> Response:
        return _json([_line(run) for run in await asyncio.to_thread(read_runs, folder)])

    @router.get("/{name}", responses=RUN, summary="One run: how far it is, its curves, and what was chosen")
    async def one(name: str) -> Response:
        return _json(await asyncio.to_thread(_whole, name, find_run(folder, name)))

    return router


def _line(run: FoundRun) -> dict[str, Any]:
    """A run in the list; a damaged one has its damage in place of figures."""
    status = run.status
    groups = () if status is None else status.groups
    return {
        "name": run.name,
        "state": "damaged" if status is None else status.state,
        "damage": run.damage,
        "changed": run.changed.isoformat(timespec="seconds"),
        "groups": len(groups),
        "epochs_done": sum(group.done for group in groups),
        "epochs_planned": sum(group.planned for group in groups),
        "peak_memory_bytes": None if status is None else status.peak_memory_bytes,
    }


def _whole(name: str, path: Path) -> dict[str, Any]:
    """A run with everything that its page shows.

    Raises:
        ProblemError: It is damaged.
    """
    found = read_run(name, path)
    if found.status is None:
        raise ProblemError(422, found.damage)
    status = found.status.to_json()
    del status["path"]  # where the folder lies is nobody's business
    return {
        **_line(found),
        "status": status,
        **_chosen(read_choices(path)),
        "bytes": bytes_by_part(path),
        "free_bytes": free_bytes(path),
    }


def _chosen(choices: Choices) -> dict[str, Any]:
    """What was chosen among the epochs and what it is worth, as far as it was computed."""
    sweetspot, rivals, evaluation = choices.sweetspot, choices.rivals, choices.evaluation
    return {
        "crossover": None if sweetspot is None else {
            "common_epoch": sweetspot.common_epoch,
            "mean_cost": sweetspot.mean_cost,
            "groups": [
                {
                    "group": one.group,
                    "best_epoch": one.best.epoch,
                    "interval": [one.interval.low, one.interval.high],
                    "validation_loss": one.best.validation_loss,
                    "common_validation_loss": one.common.validation_loss,
                    "cost": one.cost,
                }
                for one in sweetspot.groups
            ],
        },
        "methods": [] if rivals is None else [
            {"method": name, "difference": mean, "error": error} for name, (mean, error) in choices.methods
        ],
        "variants": [] if evaluation is None else [
            {
                "variant": name,
                "skill": attrs.asdict(evaluation.skill[name]),
                "gain": attrs.asdict(evaluation.skill_gains[name]),
            }
            for name in evaluation.variants
        ],
        "damages": list(choices.damages),
    }  # fmt: skip


def _json(value: object) -> Response:
    return Response(encode(value), media_type="application/json")
