"""What a server holds, and how it is: models, plugins, health."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import attrs
from fastapi import APIRouter
from starlette.responses import Response

from redheart_registry.report import PluginRow
from redheart_server.access import needs
from redheart_server.documents import HEALTH, listed
from redheart_server.problems import ProblemError, encode
from redheart_server.schemas import schema_of
from redheart_server.served import Served
from redheart_server.state import State


@attrs.frozen
class ModelRow:
    """A model that answers."""

    name: str
    """By which a request chooses it."""
    title: str
    sha256: str
    """Of its manifest.json, or of the export.json of an exported one; x-redheart-model-sha256 of its answers."""
    loaded: str
    """When, in UTC."""
    answers: Mapping[str, tuple[str, ...]]
    """Field to the languages (ISO 639) that it was measured on; "und" where the data set states none."""
    reads: tuple[str, ...]
    """Fields of a record that some plugin reads beside the text."""
    calibrated: bool
    """Whether probabilities and intervals were calibrated."""
    missing: Mapping[str, str]
    """Groups of the run that a model of a part leaves out, with the reason."""
    absent: Mapping[str, str]
    """Groups that cannot answer on this machine, as files of others are not installed, with the reason."""

    @classmethod
    def of(cls, served: Served) -> ModelRow:
        """Of a model that is served."""
        assembled = served.model.assembled
        return cls(
            served.name,
            served.title,
            served.hashes[0],
            served.loaded,
            {
                field: tuple(sorted({code for one in sources for code in one.languages}))
                for field, sources in sorted(assembled.manifest.answers.items())
            },
            tuple(served.model.read_fields),
            assembled.calibration is not None,
            dict(served.model.missing),
            dict(served.model.absent),
        )


MODELS = listed(schema_of(ModelRow), "models")
PLUGINS = listed(schema_of(PluginRow), "plugins")


def about_routes(state: State) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["about"], dependencies=[needs(state.access, "read")])

    @router.get("/v1/models", responses=MODELS, summary="The models that answer here, the first one by default")
    async def models() -> Response:
        return _json([attrs.asdict(ModelRow.of(served)) for served in state.models.current.values()])

    @router.get("/v1/plugins", responses=PLUGINS, summary="What redheart plugins list --json gives")
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
