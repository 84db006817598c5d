"""schemathesis over the OpenAPI document, and bytes that are no request: no 500, no answer outside the schema."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
pytest.importorskip("schemathesis", reason="needs redheart[dev]")
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from served_models import asked, loaded

from redheart_server.access import Access
from redheart_server.app import make_app
from redheart_server.keys import SCOPES, add_key
from redheart_server.settings import Limits
from redheart_server.state import State

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."


PATIENT = settings(
    max_examples=4, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_the_document_describes(
    finished: Finished, write_run: Callable[..., Any], tmp_path: Path, mode: GenerationMode
) -> None:
    write_run(tmp_path / "runs" / "made_up", {"waves": ("waves",)}, epochs=3)
    headers = {"Authorization": f"Bearer {add_key(tmp_path / 'keys.json', 'all', SCOPES, 1_000_000)}"}
    models = loaded(finished.model, memory=str(tmp_path / "cases.db"))
    app, state = make_app(models, Limits(), Access(tmp_path / "keys.json"), tmp_path / "runs")
    tried = []
    try:
        for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()

            @PATIENT
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                # not the other check: that a text has a letter, and more like it, is beyond a JSON Schema
                case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
                tried.append(case.operation.label)

            if mode is GenerationMode.POSITIVE or operation.method == "post":  # others take nothing that could be wrong
                check()
    finally:
        state.worker.close()
    assert {"POST /v1/analyze", "POST /v1/decide", "POST /v1/memory/search"} <= {*tried}
    if mode is GenerationMode.POSITIVE:
        assert {"GET /v1/runs", "GET /v1/runs/{name}"} <= {*tried}


def test_the_document_has_an_example_of_every_body_that_is_answered(finished: Finished) -> None:
    async def ask(client: httpx.AsyncClient, state: State) -> None:
        document = (await client.get("/openapi.json")).json()
        tried = 0
        for path, methods in document["paths"].items():
            content = methods.get("post", {}).get("requestBody", {}).get("content", {})
            for example in content.get("application/json", {}).get("examples", {}).values():
                answer = await client.post(path, json=example["value"])
                assert answer.status_code == 200, (path, answer.text)
                tried += 1
        assert tried == 3

    asked(loaded(finished.model), ask)


def test_random_bytes_and_headers_give_no_500(finished: Finished) -> None:
    chance = random.Random(7)
    good = json.dumps({"texts": [TEXT, {"text": TEXT, "language": "en"}]}).encode()
    names = ("content-type", "authorization", "x-request-id", "content-length", "accept", "expect", "cookie")

    def damaged() -> bytes:
        body = bytearray(good)
        for _ in range(chance.randrange(1, 8)):
            place = chance.randrange(len(body))
            match chance.randrange(3):
                case 0:
                    body[place] = chance.randrange(256)
                case 1:
                    del body[place : place + chance.randrange(1, 9)]
                case 2:
                    body[place:place] = chance.randbytes(chance.randrange(1, 9))
            body = body or bytearray(b"{")
        return bytes(body)

    def headers() -> list[tuple[bytes, bytes]]:
        found = [(b"content-type", b"application/json")]
        for _ in range(chance.randrange(4)):
            name = chance.choice(names[:3] + names[4:]).encode("latin-1")
            found.append((name, chance.randbytes(chance.randrange(40))))
        return found

    async def ask(client: httpx.AsyncClient, state: State) -> set[int]:
        found = set()
        for _ in range(300):
            path = chance.choice(("/v1/analyze", "/v1/decide", "/v1/%00", "/v1/models", "/metrics"))
            given = [(name, value) for name, value in headers() if b"\n" not in value and b"\r" not in value]
            request = client.build_request("POST", path, content=damaged(), headers=given)
            found.add((await client.send(request)).status_code)
        return found

    statuses = asked(loaded(finished.model), ask)
    assert statuses <= {200, 400, 404, 405, 408, 413, 415, 422}
    assert {200, 400, 422} <= statuses


def test_a_body_that_never_ends_or_never_comes_is_refused(finished: Finished) -> None:
    async def endless() -> Any:
        while True:
            yield b" " * 65536

    async def silent() -> Any:
        yield b"{"
        await asyncio.sleep(60)

    async def ask(client: httpx.AsyncClient, state: State) -> list[int]:
        headers = {"content-type": "application/json"}
        posts = [client.post("/v1/analyze", content=body(), headers=headers) for body in (endless, silent)]
        return [(await one).status_code for one in posts]

    assert asked(loaded(finished.model), ask, Limits(receive_s=0.3)) == [413, 408]
