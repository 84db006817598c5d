"""The OpenAPI document: answers have the form that it gives for them, and so have its examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from front_door import Finished
from jsonschema import Draft202012Validator

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded

from redheart_core.runs.read_status import read_status
from redheart_core.runs.status import RunStatus
from redheart_server.run_answers import STATUS_FORMS
from redheart_server.run_documents import run_schema
from redheart_server.schemas import Form, Forms, schema_of
from redheart_server.state import State

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
GIVEN: dict[str, Any] = {
    "/v1/memory": {"text": TEXT, "labels": {"votes.right": 5}, "source": "diary"},
    "/v1/memory/search": {"text": TEXT},
    "/v1/memory/delete": {"all": True},
    "/v1/analyze": {"texts": [TEXT, "2026"]},
    "/v1/decide": {"acts": [TEXT, "I kept the money."]},
}


@pytest.fixture(scope="module")
def answered(
    finished: Finished, write_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[tuple[str, str], httpx.Response]]:
    """The document of a server that has everything, and an answer of every route in it."""
    folder = tmp_path_factory.mktemp("served")
    write_run(folder / "runs" / "made_up", {"waves": ("waves",)}, epochs=3)

    async def ask(
        client: httpx.AsyncClient, state: State
    ) -> tuple[dict[str, Any], dict[tuple[str, str], httpx.Response]]:
        document = (await client.get("/openapi.json")).json()
        found = {}
        for path, methods in document["paths"].items():
            for method in methods:
                where = path.replace("{name}", "made_up")
                found[path, method] = await client.request(method, where, json=GIVEN.get(path))
        return document, found

    return asked(loaded(finished.model, memory=str(folder / "cases.db")), ask, runs=folder / "runs")


def contents(document: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Every answer in JSON: its path, method, status, and what the document says of it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                for kind, content in answer["content"].items():
                    if kind.endswith("json"):
                        yield path, method, status, content


def faults(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What a value lacks of a schema of the document."""
    whole = {"components": document["components"], "allOf": [schema]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


def bare(schema: Any) -> Iterator[Any]:
    """Objects and lists in a schema of which nothing more is said."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and not {"properties", "additionalProperties"} & schema.keys():
            yield schema
        if schema.get("type") == "array" and "items" not in schema:
            yield schema
        for one in schema.values():
            yield from bare(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from bare(one)


def test_every_route_answers_in_the_form_of_the_document(
    answered: tuple[dict[str, Any], dict[tuple[str, str], httpx.Response]],
) -> None:
    document, answers = answered
    tried = set()
    for path, method, status, content in contents(document):
        if status == "200":
            answer = answers[path, method]
            assert answer.status_code == 200, (path, answer.text)
            assert faults(document, content["schema"], answer.json()) == [], path
            tried.add(path)
    assert tried == {
        *GIVEN,
        "/v1/models",
        "/v1/plugins",
        "/v1/runs",
        "/v1/runs/{name}",
        "/health/live",
        "/health/ready",
    }
    assert answers["/v1/memory/search", "post"].json()["cases"][0]["source"] == "diary"


def test_every_form_says_what_is_in_it_and_has_an_example_that_it_holds(
    answered: tuple[dict[str, Any], dict[tuple[str, str], httpx.Response]],
) -> None:
    document, _ = answered
    for path, _, status, content in contents(document):
        assert list(bare(content["schema"])) == [], path
        assert content["examples"], (path, status)
        for name, example in content["examples"].items():
            if status == "200":
                assert example == {"$ref": f"#/components/examples/{name}"}
                example = document["components"]["examples"][name]
            assert faults(document, content["schema"], example["value"]) == [], (path, status)
            if status != "200":
                assert str(example["value"]["status"]) == status


def test_a_key_that_is_missing_or_not_described_is_a_fault(
    answered: tuple[dict[str, Any], dict[tuple[str, str], httpx.Response]],
) -> None:
    document, answers = answered
    said = {
        (path, method): content["schema"] for path, method, status, content in contents(document) if status == "200"
    }
    for path in ("/v1/models", "/v1/plugins", "/v1/runs"):
        first, *rest = answers[path, "get"].json()
        for wrong in ({**first, "more": 1}, {key: first[key] for key in list(first)[1:]}):
            assert faults(document, said[path, "get"], [wrong, *rest]) != [], path


def test_the_status_of_agents_has_returns_in_the_same_form(
    answered: tuple[dict[str, Any], dict[tuple[str, str], httpx.Response]],
    write_run: Callable[..., Any],
    tmp_path: Path,
) -> None:
    _, answers = answered
    write_run(tmp_path / "run", {"waves": ("waves",)}, epochs=3)
    status = attrs.evolve(read_status(tmp_path / "run", datetime.now(UTC)), returns=True).to_json()
    del status["path"]
    run = {**answers["/v1/runs/{name}", "get"].json(), "status": json.loads(json.dumps(status))}
    assert "return" in run["status"]["groups"][0]["epochs"][0]
    assert list(Draft202012Validator(run_schema()).iter_errors(run)) == []


@attrs.frozen
class Inner:
    """Inside."""

    number: float | None
    """How much."""
    hidden: set[int] = attrs.field(factory=set)

    @property
    def double(self) -> int:
        """Twice as much."""
        return 2


def test_a_class_is_described_by_its_types_and_docstrings() -> None:
    forms: Forms = {Inner: Form(without=("hidden",), derived=("double",))}
    assert schema_of(tuple[Inner, ...], forms) == {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "number": {"type": ["number", "null"], "description": "How much."},
                "double": {"type": "integer", "description": "Twice as much."},
            },
            "required": ["number", "double"],
            "additionalProperties": False,
            "description": "Inside.",
        },
    }
    with pytest.raises(TypeError, match="set"):
        schema_of(Inner)
    group = schema_of(RunStatus, STATUS_FORMS)["properties"]["groups"]["items"]["properties"]
    assert group["done"]["description"].startswith("The newest epoch")
