"""The OpenAPI document: the analysis is described by the one schema that the library has of it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from redheart_server.bodies import Record
from redheart_server.problems import MEDIA_TYPE, ProblemError, refuse_fields

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


def _examples() -> dict[str, Any]:
    """Of answers, as components: in a response FastAPI would leave out what is null."""
    found = json.loads(files("redheart_server").joinpath("examples.json").read_text(encoding="utf-8"))
    return {name: {"summary": "Numbers and lists are cut short", "value": value} for name, value in found.items()}


def _problem(
    what: str, example: ProblemError, retry: bool = False, headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    wait = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}} if retry else {}
    found = {**(headers or {}), **wait}
    shown = {"problem": {"value": json.loads(bytes(example.response("5f0c8d1e").body))}}
    return {
        "description": what,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/problem"}, "examples": shown}},
        **({"headers": found} if found else {}),
    }


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def json_answer(what: str, schema: dict[str, Any], *examples: str) -> dict[str, Any]:
    """A response with a body in JSON, and its examples by their names in examples.json."""
    shown = {name: {"$ref": f"#/components/examples/{name}"} for name in examples}
    return {"description": what, "content": {"application/json": {"schema": schema, "examples": shown}}}


_BY = {
    "x-redheart-model": {"schema": {"type": "string"}, "description": "Name of the model that answered"},
    "x-redheart-model-sha256": {"schema": {"type": "string"}, "description": "Its hash, as /v1/models has it"},
}


_RATES = {
    name: {
        "schema": {"type": "string"},
        "description": "What is left of the key's or address's rate (an IETF draft)",
    }
    for name in ("RateLimit", "RateLimit-Policy")
}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Which key is asked for"}}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: _problem(
        "The proxy of a server with --behind-proxy does not say who asks",
        ProblemError(400, "the proxy has to name the client's address last in X-Forwarded-For, got ''"),
    ),
    401: _problem(
        "There is no key, or one that is not good",
        ProblemError(401, "this needs a key; send the header Authorization: Bearer KEY"),
        headers=_CHALLENGE,
    ),
    403: _problem(
        "The key lacks the scope",
        ProblemError(403, "the key me has no scope memory (it has analyze); ask for one that has"),
        headers=_CHALLENGE,
    ),
    429: _problem(
        "The key, or the address where there are no keys, asks too often",
        ProblemError(429, "the key me may ask 60 times a minute; ask again in 1 s"),
        retry=True,
        headers=_RATES,
    ),
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    **REFUSED,
    400: _problem(
        "The body is no JSON, or the proxy does not say who asks",
        ProblemError(400, "the body is not JSON in UTF-8: Expecting value"),
    ),
    404: _problem("There is no such model", ProblemError(404, "there is no model 'redy' here (models: ready)")),
    408: _problem(
        "The body did not arrive in time", ProblemError(408, "the body did not arrive within 20 s; send it faster")
    ),
    413: _problem(
        "The body is too large",
        ProblemError(413, "a body of at most 4,000,000 bytes is read; send the texts in several requests"),
    ),
    415: _problem(
        "The body is not declared as JSON", ProblemError(415, "expects content-type: application/json, got text/plain")
    ),
    422: _problem("A text or value is refused", refuse_fields([{"loc": ("text",), "msg": "Field required"}])),
    503: _problem(
        "Too much waits, or the deadline has passed",
        ProblemError(503, "the queue is full; try again in 2 s"),
        retry=True,
    ),
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
    200: {
        **json_answer(
            "The analysis, or the analyses",
            {"anyOf": [{"$ref": "#/components/schemas/analysis"}, _ANALYSES]},
            "analysis",
            "analyses",
        ),
        "headers": _BY,
    },
    **PROBLEMS,
}
DECIDED: dict[int | str, dict[str, Any]] = {
    200: {**json_answer("The decision", {"$ref": "#/components/schemas/decision"}, "decision"), "headers": _BY},
    **PROBLEMS,
}
_HELP = {"anyOf": [{"$ref": "#/components/schemas/help"}, {"type": "null"}]}
_CASES = {"type": "integer", "description": "In the memory now"}
ADDED = {**PROBLEMS, 200: json_answer("It is kept", object_of(id={"type": "string"}, cases=_CASES), "added")}
SEARCHED = {
    **PROBLEMS,
    200: json_answer(
        "The nearest first",
        object_of(help=_HELP, cases={"type": "array", "items": {"$ref": "#/components/schemas/case"}}),
        "found",
    ),
}
DELETED = {
    **PROBLEMS,
    200: json_answer("They are gone", object_of(deleted={"type": "integer"}, cases=_CASES), "deleted"),
}
METRICS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Figures", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **REFUSED,
}
HEALTH: dict[int | str, dict[str, Any]] = {
    200: json_answer("It is", object_of(status={"type": "string"}), "health"),
    503: _problem("It is not", ProblemError(503, "no text is taken: the server stops"), retry=True),
}


def listed(row: dict[str, Any], *examples: str) -> dict[int | str, dict[str, Any]]:
    """For a route that lists rows of a schema."""
    return {200: json_answer("All of them", {"type": "array", "items": row}, *examples), **REFUSED}


def body_of(*classes: type[BaseModel]) -> dict[str, Any]:
    """For a route that reads its body by itself: one of these."""
    schemas = [one.model_json_schema(ref_template=_REFERENCE) for one in classes]
    for schema in schemas:
        schema.pop("$defs", None)  # each of them is a class too
    body = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    examples = {one.__name__.lower(): {"value": one.model_config["json_schema_extra"]["example"]} for one in classes}  # type: ignore[index] # a table by now
    content = {"application/json": {"schema": body, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def dilemma_body() -> dict[str, Any]:
    """The body of /v1/decide."""
    example = {"acts": ["telling my boss that the numbers are wrong", "keeping quiet about the numbers"]}
    content = {"schema": {"$ref": _REFERENCE.format(model="dilemma")}, "examples": {"acts": {"value": example}}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def document(app: FastAPI) -> None:
    """Give an app its OpenAPI document."""
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    found.setdefault("components", {})["examples"] = _examples()
    components = found["components"].setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # ours are problem details
        components.pop(name, None)
    components["Record"] = Record.model_json_schema(ref_template=_REFERENCE)
    components["problem"] = _PROBLEM
    components.update(library_schemas())
    app.openapi = lambda: found  # type: ignore[method-assign] # as FastAPI documents it


def library_schemas() -> dict[str, Any]:
    """The library's own schemas of an analysis, a decision and a dilemma, as components."""
    from redheart.analysis_json import schema
    from redheart.decision_json import dilemma_schema
    from redheart.decision_json import schema as decision_schema

    decision = {name: one for name, one in decision_schema()["$defs"].items() if name not in ("analyses", "refused")}
    dilemma = dilemma_schema()
    parts = {f"dilemma_{name}": one for name, one in dilemma.pop("$defs").items()}
    whole = {name: one for name, one in dilemma.items() if not name.startswith("$")}
    return {
        **_moved(schema()["$defs"]),
        **_moved(decision),
        **_moved({"dilemma": whole, **parts}, "dilemma_"),
    }


def _moved(value: Any, prefix: str = "") -> Any:
    """References of a JSON Schema as they are in OpenAPI."""
    if isinstance(value, dict):
        return {
            name: _REFERENCE.format(model=prefix + one.rpartition("/")[2]) if name == "$ref" else _moved(one, prefix)
            for name, one in value.items()
        }
    return [_moved(one, prefix) for one in value] if isinstance(value, list) else value
