"""redheart.client: the library's answers over HTTP, and attempts again where the server says so."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import loaded

from redheart.client import Client, ServerError
from redheart_server.access import Access
from redheart_server.app import make_app
from redheart_server.keys import SCOPES, add_key
from redheart_server.served import Models
from redheart_server.settings import Limits

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."


class InProcess(httpx.BaseTransport):
    """An ASGI app without a socket, for a client that does not await."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            sent = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
            answer = await self._transport.handle_async_request(sent)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(ask())


@contextmanager
def client_of(models: Models, key: str | None = None, access: Access | None = None) -> Iterator[Client]:
    app, state = make_app(models, Limits(), access)
    try:
        with Client("http://test", key, transport=InProcess(app)) as client:
            yield client
    finally:
        state.worker.close()


def test_a_client_gets_what_the_library_says(finished: Finished, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys.json", "me", SCOPES, 6000)
    models = loaded(finished.model, memory=str(tmp_path / "cases.db"))
    (served,) = models.current.values()
    expected = json.loads(json.dumps(served.model.analyze(TEXT).to_json()))
    with client_of(models, key, Access(tmp_path / "keys.json")) as client:
        assert client.analyze(TEXT) == expected
        assert client.analyze({"text": TEXT}, model="m0") == expected
        assert client.analyze(TEXT, language="ko")["language"]["stated"]
        many = client.analyze_all([TEXT] * 65 + ["2026"])
        assert len(many) == 66
        assert "refused" in many[-1]
        assert len(client.decide(["telling her the truth", "keeping the secret"])["acts"]) == 2
        assert [one["name"] for one in client.models()] == ["m0"]
        assert "village" in {one["name"] for one in client.plugins()}
        assert client.remember(TEXT, labels={"votes.right": 1}, id="a") == "a"
        (case,) = client.nearest(TEXT, labels=["votes.right"])
        assert case["id"] == "a"
        assert client.forget(all=True) == 1


def test_an_error_holds_the_problem_with_its_help(finished: Finished, tmp_path: Path) -> None:
    with client_of(loaded(finished.model)) as client:
        with pytest.raises(ServerError, match=r"422 Unprocessable .*: .*language") as refused:
            client.analyze("I want to die.", language="no language")
        assert refused.value.help is not None
        with pytest.raises(ServerError, match="404") as unknown:
            client.analyze(TEXT, model="other")
        assert (unknown.value.status, unknown.value.help) == (404, None)
    add_key(tmp_path / "keys.json", "me", ["read"], 60)
    access = Access(tmp_path / "keys.json")
    with client_of(loaded(finished.model), access=access) as client, pytest.raises(ServerError, match=r"401 .* a key"):
        client.analyze(TEXT)


def answering(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """A transport that gives these in their order, and what it was asked."""
    rest, asked = iter(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        found = next(rest)
        if isinstance(found, Exception):
            raise found
        return found

    return httpx.MockTransport(answer), asked


def test_429_503_and_no_connection_are_asked_again_after_the_time_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("redheart.client.time.sleep", slept.append)
    transport, asked = answering(
        httpx.Response(429, headers={"retry-after": "3"}),
        httpx.Response(503, headers={"retry-after": "7"}),
        httpx.ConnectError("refused"),
        httpx.Response(200, json={"answers": []}),
    )
    assert Client(transport=transport).analyze(TEXT) == {"answers": []}
    assert slept == [3.0, 7.0, 1.0]
    assert len(asked) == 4


def test_patience_ends_and_other_errors_are_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redheart.client.time.sleep", lambda seconds: None)
    transport, asked = answering(httpx.Response(503, headers={"retry-after": "90"}, text="busy"))
    with pytest.raises(ServerError, match="503 Service Unavailable: busy"):
        Client(transport=transport, patience_s=60).analyze(TEXT)
    transport, asked = answering(httpx.Response(500, text="fault"))
    with pytest.raises(ServerError, match="500"):
        Client(transport=transport).analyze(TEXT)
    assert len(asked) == 1
    transport, asked = answering(httpx.ConnectError("refused"))
    with pytest.raises(ServerError, match="cannot be reached"):
        Client(transport=transport, patience_s=0).models()


class Breaking(socketserver.ThreadingTCPServer):
    """Reads requests and closes the connection without an answer, so many times; then it answers."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, times: int) -> None:
        self.left, self.asked = times, 0
        super().__init__(("127.0.0.1", 0), _Broken)


class _Broken(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Breaking)
        length = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.rfile.read(length)
        self.server.asked += 1
        if self.server.left:
            self.server.left -= 1
            return
        body = b'{"answers": [], "id": "a"}'
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.wfile.write(head.encode() + b"connection: close\r\n\r\n" + body)


@contextmanager
def breaking(times: int) -> Iterator[tuple[Breaking, str]]:
    with Breaking(times) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def test_a_call_whose_connection_is_lost_is_made_again_until_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("redheart.client.time.sleep", slept.append)
    with breaking(2) as (server, url), Client(url) as client:
        assert client.analyze(TEXT)["answers"] == []
    assert (server.asked, slept) == (3, [0.25, 0.5])
    with breaking(1000) as (server, url), Client(url, patience_s=0) as client:
        with pytest.raises(ServerError, match=r"connection to .* was lost before an answer came"):
            client.analyze(TEXT)
        assert server.asked == 1


def test_a_call_that_changes_the_memory_is_made_again_only_where_nothing_was_sent() -> None:
    with breaking(1) as (server, url), Client(url) as client:
        with pytest.raises(ServerError, match="not known what was done"):
            client.remember(TEXT)
        server.left = 1
        with pytest.raises(ServerError, match="Connection lost"):
            client.forget(all=True)
        assert server.asked == 2
        assert client.remember(TEXT) == "a"
    transport, asked = answering(httpx.ConnectError("refused"), httpx.Response(200, json={"id": "b"}))
    assert Client(transport=transport).remember(TEXT) == "b"
    assert len(asked) == 2


def test_an_answer_that_comes_too_late_is_an_error_of_the_client() -> None:
    transport, asked = answering(httpx.ReadTimeout("late"))
    with pytest.raises(ServerError, match="did not answer in time; a larger timeout_s"):
        Client(transport=transport).analyze(TEXT)
    assert len(asked) == 1
