"""The OpenAPI document: the analysis is described by the one schema that the library has of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from redheart_server.bodies import Record
from redheart_server.problems import MEDIA_TYPE

_REFERENCE = "#/components/schemas/{model}"
ModelName = Annotated[str | None, Query(description="Name of one of /v1/models; the first one if left out")]
_PROBLEM = {
    "type": "object",
    "properties": {
        "help": {"$ref": "#/components/schemas/help"},
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was expected, what came, how to fix it"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("pointer", "detail")},
                "required": ["pointer", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "request_id"],
    "description": "Problem details (RFC 9457); help for a person in crisis stands first",
}


def _problem(what: str, retry: bool = False) -> dict[str, Any]:
    header = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}
    return {
        "description": what,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/problem"}}},
        **({"headers": header} if retry else {}),
    }


def _json(what: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": schema}}}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _problem("The body is no JSON"),
    404: _problem("There is no such model"),
    408: _problem("The body did not arrive in time"),
    413: _problem("The body is too large"),
    415: _problem("The body is not declared as JSON"),
    422: _problem("A text or value is refused"),
    503: _problem("Too much waits, or the deadline has passed", retry=True),
}
_ANALYSES = {
    "type": "object",
    "properties": {
        "analyses": {
            "type": "array",
            "items": {"anyOf": [{"$ref": "#/components/schemas/analysis"}, {"$ref": "#/components/schemas/refused"}]},
        }
    },
    "required": ["analyses"],
}
ANALYZED: dict[int | str, dict[str, Any]] = {
    200: _json("The analysis, or the analyses", {"anyOf": [{"$ref": "#/components/schemas/analysis"}, _ANALYSES]}),
    **PROBLEMS,
}
LISTED: dict[int | str, dict[str, Any]] = {200: _json("All of them", {"type": "array", "items": {"type": "object"}})}
HEALTH: dict[int | str, dict[str, Any]] = {
    200: _json("It is", {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}),
    503: _problem("It is not", retry=True),
}


def body_of(*classes: type[BaseModel]) -> dict[str, Any]:
    """For a route that reads its body by itself: one of these."""
    schemas = [one.model_json_schema(ref_template=_REFERENCE) for one in classes]
    for schema in schemas:
        schema.pop("$defs", None)  # each of them is a class too
    body = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    examples = {one.__name__.lower(): {"value": one.model_config["json_schema_extra"]["example"]} for one in classes}  # type: ignore[index] # a table by now
    content = {"application/json": {"schema": body, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def document(app: FastAPI) -> None:
    """Give an app its OpenAPI document."""
    from redheart.analysis_json import schema

    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = found.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # ours are problem details
        components.pop(name, None)
    components["Record"] = Record.model_json_schema(ref_template=_REFERENCE)
    components["problem"] = _PROBLEM
    components.update(_moved(schema()["$defs"]))
    app.openapi = lambda: found  # type: ignore[method-assign] # as FastAPI documents it


def _moved(value: Any) -> Any:
    """References of a JSON Schema as they are in OpenAPI."""
    if isinstance(value, dict):
        return {
            name: one.replace("#/$defs/", "#/components/schemas/") if name == "$ref" else _moved(one)
            for name, one in value.items()
        }
    return [_moved(one) for one in value] if isinstance(value, list) else value
