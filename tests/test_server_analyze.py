"""POST /v1/analyze: the JSON of the library, help first, and every body that is refused."""

from __future__ import annotations

import asyncio
import json
import math
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded

from redheart.analysis_json import schema
from redheart.analyzing import Refused, analyze_records
from redheart_server.served import Models
from redheart_server.settings import Limits
from redheart_server.state import State

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
TEXTS = [
    TEXT,
    "나는 친구에게 거짓말을 했다.",
    "I kept the money that I had found in the street.",
    "She forgave him. He wept.",
]
CRISIS = "I am standing on the bridge and I am going to jump now."


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


def same(one: Any, other: Any) -> bool:
    """Whether JSON is the same, numbers up to what another batch rounds."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)
    return type(one) is type(other) and bool(one == other)


def post(models: Models, body: Any, limits: Limits | None = None, **more: Any) -> httpx.Response:
    """One request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    options = {"headers": {"content-type": "application/json"}, **more}

    async def ask(client: httpx.AsyncClient, state: State) -> httpx.Response:
        return await client.post("/v1/analyze", content=content, **options)

    return asked(models, ask, limits)


def test_one_text_gives_exactly_the_json_of_the_library(models: Models) -> None:
    (served,) = models.current.values()
    answer = post(models, {"text": TEXT})
    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(served.model.analyze(TEXT).to_json()))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers


def test_several_texts_give_what_the_library_says_of_each_in_order(models: Models) -> None:
    (served,) = models.current.values()
    texts = [*TEXTS, "2026", {"text": TEXT, "language": "ko"}]
    answer = post(models, {"texts": texts}).json()["analyses"]
    assert len(answer) == len(texts)
    validator = jsonschema.Draft202012Validator(schema())
    for number, (said, text) in enumerate(zip(answer, texts, strict=True), 1):
        validator.validate(said)
        (alone,) = analyze_records(served.model, [(f"text {number}", text)])  # type: ignore[list-item] # a text or record
        assert isinstance(alone, Refused) == ("refused" in said)
        assert same(said, json.loads(json.dumps(alone.to_json())))


def test_requests_that_wait_together_get_what_each_gets_alone(models: Models) -> None:
    (served,) = models.current.values()

    async def ask(client: httpx.AsyncClient, state: State) -> list[Any]:
        answers = await asyncio.gather(*(client.post("/v1/analyze", json={"text": text}) for text in TEXTS * 5))
        return [answer.json() for answer in answers]

    for said, text in zip(asked(models, ask), TEXTS * 5, strict=True):
        assert same(said, json.loads(json.dumps(served.model.analyze(text).to_json())))


@pytest.mark.parametrize("text", [CRISIS, "I want to die."])
def test_help_is_the_first_key_and_stands_alone(models: Models, text: str) -> None:
    answer = post(models, {"text": text})
    assert next(iter(answer.json())) == "help"
    assert answer.json()["help"] is not None
    assert answer.json()["answers"] == []


def test_a_refused_text_and_a_full_queue_give_help_first(models: Models) -> None:
    refused = post(models, {"text": CRISIS, "language": "no language"})
    assert refused.status_code == 422
    assert next(iter(refused.json())) == "help"
    late = post(models, {"texts": [TEXT, "I want to kill myself."]}, Limits(deadline_s=1e-6))
    assert late.status_code == 503
    assert next(iter(late.json())) == "help"
    assert int(late.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b'{"text": "a", "text": "b"}', 400, "twice"),
        (b'{"text": NaN}', 400, "NaN"),
        (b"[" * 100_000, 400, "nested"),
        (b'"\xff"', 400, "not JSON"),
        (b"[]", 422, "object"),
        ({}, 422, "/text"),
        ({"text": 3}, 422, "/text"),
        ({"text": ""}, 422, "empty"),
        ({"text": "\ud800abc"}, 422, "text"),
        ({"texts": []}, 422, "/texts"),
        ({"texts": [3]}, 422, "/texts/0"),
        ({"texts": [TEXT], "text": TEXT}, 422, "/text"),
        ({"text": TEXT, "lang": "ko"}, 422, "/lang: not known; a record has text and language"),
        ({"texts": [TEXT, {"text": TEXT, "persns": []}]}, 422, "/texts/1/persns: not known"),
        ({"texts": [TEXT] * 65}, 422, "at most 64 texts"),
        ({"text": f"{TEXT} " * 1_500 + "a" * 100_001}, 422, "100,000"),
        ({"text": "a" * 5_000_000}, 413, "4,000,000 bytes"),
    ],
)
def test_a_wrong_body_is_refused_as_problem_details(models: Models, body: Any, status: int, says: str) -> None:
    answer = post(models, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["request_id"]) == (status, answer.headers["x-request-id"])
    assert says in problem["detail"]


def test_a_record_of_a_data_set_is_taken_as_it_is(models: Models) -> None:
    """Its id and labels are those of the model, which does not read them."""
    answer = post(models, {"id": "17", "text": TEXT, "regret": 0.5, "language": "en"})
    assert same(answer.json(), post(models, {"text": TEXT, "language": "en"}).json())


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/text"]),
        ({"text": 3, "language": 3}, ["/text", "/language"]),
        ({"texts": [3]}, ["/texts/0"]),
        ({"texts": [TEXT, None, {"text": TEXT}, []]}, ["/texts/1", "/texts/3"]),
        ({"texts": [TEXT, {"text": 3}, {}]}, ["/texts/1/text", "/texts/2/text"]),
        ({"texts": [TEXT], "a/b~c": 3}, ["/a~1b~0c"]),
    ],
)
def test_each_wrong_place_is_a_json_pointer_into_the_body(models: Models, body: Any, pointers: list[str]) -> None:
    answer = post(models, body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == pointers


def test_a_fault_is_a_problem_with_help_and_neither_body_nor_log_has_the_message(
    models: Models, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> None:
        raise ZeroDivisionError(f"a message with {given}")

    monkeypatch.setattr("redheart_server.served.analyze_records", fail)
    monkeypatch.setattr("redheart.plugins", fail)

    async def ask(client: httpx.AsyncClient, state: State) -> list[httpx.Response]:
        text = f"{TEXT} I want to die."
        return [await client.post("/v1/analyze", json={"text": text}), await client.get("/v1/plugins")]

    for answer in asked(models, ask):
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
        assert ("help" in answer.json()) == ("analyze" in str(answer.url))
        assert "a message" not in answer.text
    shown = "".join(capsys.readouterr())
    assert shown.count("ZeroDivisionError") == 2
    assert "a message" not in shown
    assert "neighbour" not in shown


def test_a_body_that_is_not_declared_as_json_is_refused(models: Models) -> None:
    assert post(models, {"text": TEXT}, headers={"content-type": "text/plain"}).status_code == 415


def test_an_unknown_model_path_or_method_is_refused_by_name(models: Models) -> None:
    assert "(models: m0)" in post(models, {"text": TEXT}, params={"model": "other"}).json()["detail"]

    async def ask(client: httpx.AsyncClient, state: State) -> list[httpx.Response]:
        return [await client.get("/v2"), await client.get("/v1/analyze"), await client.options("/v1/analyze")]

    assert [answer.status_code for answer in asked(models, ask)] == [404, 405, 405]


def test_a_parameter_that_the_path_does_not_have_is_refused_by_name(models: Models) -> None:
    misspelt = post(models, {"text": TEXT}, params={"modle": "m0"})
    assert misspelt.status_code == 422
    assert misspelt.json()["detail"] == "/modle: not known; the parameters here are model"

    async def ask(client: httpx.AsyncClient, state: State) -> httpx.Response:
        return await client.get("/v1/models?a=1&=2")

    assert [one["pointer"] for one in asked(models, ask).json()["errors"]] == ["/a", "/"]


def test_the_access_log_has_the_request_and_no_text(models: Models, capsys: pytest.CaptureFixture[str]) -> None:
    post(models, {"text": TEXT}, headers={"content-type": "application/json", "x-request-id": "mine-7"})
    shown = "".join(capsys.readouterr())
    assert "mine-7" in shown
    assert "/v1/analyze" in shown
    assert "neighbour" not in shown


def test_models_plugins_and_health_are_answered(models: Models, finished: Finished) -> None:
    async def ask(client: httpx.AsyncClient, state: State) -> list[Any]:
        paths = ("/v1/models", "/v1/plugins", "/health/live", "/health/ready", "/openapi.json")
        return [(await client.get(path)).json() for path in paths]

    listed, plugins, live, ready, document = asked(models, ask)
    assert [one["name"] for one in listed] == ["m0"]
    assert "regret" in listed[0]["answers"]
    assert str(Path(finished.folder)) not in json.dumps(listed)
    assert "village" in {one["name"] for one in plugins}
    assert (live, ready) == ({"status": "live"}, {"status": "ready"})
    assert {"analysis", "refused", "help", "problem", "Record"} <= document["components"]["schemas"].keys()
    text = json.dumps(document)
    assert "#/$defs/" not in text
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in document["components"]["schemas"]
