"""API keys: a file of digests, scopes, refusals as problem details, and rates."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from front_door import Finished, redheart, refuse

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import asked, loaded
from starlette.routing import Route

from redheart_core import SettingsError
from redheart_server.access import Access
from redheart_server.app import make_app, routers
from redheart_server.keys import SCOPES, add_key, digest, find_key, read_keys, revoke_key
from redheart_server.pages.routes import page_routes
from redheart_server.rates import Bucket
from redheart_server.served import Models
from redheart_server.settings import Limits
from redheart_server.state import State

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
ROUTES = [
    ("GET", "/v1/models", "read"),
    ("GET", "/v1/plugins", "read"),
    ("GET", "/metrics", "metrics"),
    ("POST", "/v1/analyze", "analyze"),
    ("POST", "/v1/decide", "decide"),
    ("POST", "/v1/memory", "memory"),
    ("POST", "/v1/memory/search", "memory"),
    ("POST", "/v1/memory/delete", "memory"),
    ("GET", "/v1/runs", "read"),
    ("GET", "/v1/runs/{name}", "read"),
]
"""Of the document: method, path and scope."""
PAGES = [
    ("GET", "/v1/page/runs", "read"),
    ("GET", "/v1/runs/{name}/page", "read"),
    ("GET", "/v1/runs/{name}/events", "read"),
    ("GET", "/v1/plugins/page", "read"),
    ("POST", "/v1/analyze/page", "analyze"),
    ("POST", "/v1/decide/page", "decide"),
]
"""What pages ask for."""
OPEN = {"/health/live", "/health/ready", "/openapi.json", "/", "/runs", "/static/{name}"}
"""What needs no key: pages hold no data."""


@pytest.fixture(scope="module")
def models(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Models:
    return loaded(finished.model, memory=str(tmp_path_factory.mktemp("memory") / "cases.db"))


@pytest.fixture(scope="module")
def runs(write_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "made_up", {"waves": ("waves",)}, epochs=3)
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_file_holds_digests_that_nobody_else_reads_and_never_a_token(file: Path) -> None:
    token = add_key(file, "me", ["analyze"], 60)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = token.split("_", 2)[2]  # which may hold "_" too
    assert len(secret) == 43
    assert secret not in file.read_text()
    (key,) = read_keys(file)
    assert (key.name, key.scopes, key.sha256) == ("me", ("analyze",), digest(token))
    assert find_key([key], token) is key
    assert find_key([key], f"{token}x") is None
    assert find_key([key], "\ud800") is None
    revoke_key(file, "me")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert find_key(read_keys(file), token) is None
    assert add_key(file, "me", ["read"], 60) != token


def test_a_file_that_others_may_write_to_or_that_is_damaged_is_refused(file: Path) -> None:
    add_key(file, "me", ["analyze"], 60)
    file.chmod(0o620)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_keys(file)
    file.chmod(0o600)
    file.write_text(file.read_text().replace('"analyze"', '"everything"'))
    with pytest.raises(SettingsError, match="everything"):
        read_keys(file)


@pytest.mark.parametrize(
    ("name", "scopes", "says"),
    [("a b", ["read"], "letters"), ("", ["read"], "letters"), ("a", [], "scopes"), ("a", ["all"], "no scope all")],
)
def test_a_wrong_key_is_refused_by_name_and_no_file_is_made(
    file: Path, name: str, scopes: list[str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        add_key(file, name, scopes, 60)
    assert not file.exists()


def test_every_route_wants_a_good_key_with_its_scope_and_says_nothing_else(
    models: Models, file: Path, runs: Path
) -> None:
    tokens = {scope: add_key(file, scope, [scope], 6000) for scope in SCOPES}
    tokens["revoked"] = add_key(file, "revoked", SCOPES, 6000)
    revoke_key(file, "revoked")

    async def ask(client: httpx.AsyncClient, state: State) -> None:
        for method, route, scope in (*ROUTES, *PAGES):
            path = route.format(name="made_up")
            body: dict[str, Any] = {"json": {"text": "I want to kill myself."}} if method == "POST" else {}
            wrong = next(one for one in SCOPES if one != scope)
            given = {
                None: 401, "Basic YTpi": 401, "Bearer": 401, "Bearer x": 401, f"Bearer {tokens['revoked']}": 401,
                f"Bearer {tokens[scope]}x": 401, f"Bearer {tokens[wrong]}": 403,
            }  # fmt: skip
            for header, status in given.items():
                headers = {} if header is None else {"authorization": header}
                answer = await client.request(method, path, headers=headers, **body)
                assert answer.status_code == status, (path, header)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["www-authenticate"].startswith('Bearer realm="redheart"')
                assert answer.json().keys() == {"type", "title", "status", "detail", "request_id"}
            good = await client.request(method, path, headers={"authorization": f"Bearer {tokens[scope]}"}, **body)
            assert good.status_code not in (401, 403), (path, good.text)
            assert good.headers["ratelimit-policy"] == '"key";q=1000;w=10'
        for path in OPEN:
            assert (await client.get(path.format(name="style.css"))).status_code == 200

    asked(models, ask, access=Access(file), runs=runs)


def test_no_route_of_the_server_is_left_out_of_the_routes_above(models: Models, file: Path, runs: Path) -> None:
    add_key(file, "me", ["read"], 60)
    _, state = make_app(models, Limits(), Access(file), runs)
    state.worker.close()
    found = {
        (method, route.path)
        for router in (*routers(state, runs), *page_routes(state, runs))
        for route in router.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    wants_a_key = {(method, path) for method, path, _ in (*ROUTES, *PAGES)}
    assert wants_a_key <= found
    assert {path for _, path in found - wants_a_key} == OPEN - {"/openapi.json"}


def test_every_route_of_the_document_that_is_no_health_wants_a_key(models: Models, file: Path, runs: Path) -> None:
    add_key(file, "me", ["read"], 60)

    async def ask(client: httpx.AsyncClient, state: State) -> None:
        paths = (await client.get("/openapi.json")).json()["paths"]
        found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        assert found - {(method, path) for method, path, _ in ROUTES} == {
            ("GET", "/health/live"), ("GET", "/health/ready"),
        }  # fmt: skip
        for method, path, _ in ROUTES:
            assert paths[path][method.lower()]["security"] == [{"key": []}]

    asked(models, ask, access=Access(file), runs=runs)


def test_a_key_that_asks_too_often_gets_429_with_help_first_and_others_are_answered(models: Models, file: Path) -> None:
    mine, other = add_key(file, "mine", ["analyze"], 12), add_key(file, "other", ["analyze"], 12)

    async def ask(client: httpx.AsyncClient, state: State) -> list[httpx.Response]:
        async def one(token: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {token}"}
            return await client.post("/v1/analyze", json={"text": f"{TEXT} I want to die."}, headers=headers)

        return [await one(mine), await one(mine), await one(mine), await one(other)]

    first, second, third, others = asked(models, ask, access=Access(file))
    assert [one.status_code for one in (first, second, third, others)] == [200, 200, 429, 200]
    assert first.headers["ratelimit"].startswith('"key";r=1;t=')
    assert 1 <= int(third.headers["retry-after"]) <= 5
    assert next(iter(third.json())) == "help"


def test_keys_are_read_again_without_a_restart(models: Models, file: Path) -> None:
    token = add_key(file, "me", ["read"], 6000)

    async def ask(client: httpx.AsyncClient, state: State) -> list[int]:
        found = []
        for change in (lambda: None, lambda: revoke_key(file, "me"), state.access.reload, lambda: file.unlink()):
            change()
            answer = await client.get("/v1/models", headers={"authorization": f"Bearer {token}"})
            found.append(answer.status_code)
        with pytest.raises(SettingsError):
            state.access.reload()
        return found

    assert asked(models, ask, access=Access(file)) == [200, 200, 401, 401]


def test_a_bucket_fills_evenly_and_holds_ten_seconds() -> None:
    now = [0.0]
    bucket = Bucket(per_minute=60, clock=lambda: now[0])
    assert [bucket.take().left for _ in range(10)] == [*range(9, -1, -1)]
    refused = bucket.take()
    assert (refused.passes, refused.wait_s) == (False, 1)
    now[0] = 1.0
    assert bucket.take().passes
    assert not bucket.take().passes
    now[0] = 1000.0
    assert sum(bucket.take().passes for _ in range(20)) == 10
    slow = Bucket(per_minute=1, clock=lambda: now[0])
    assert slow.take().passes
    assert slow.take().wait_s == 60


def test_the_command_adds_lists_and_revokes(tmp_path: Path) -> None:
    added = redheart("serve", "keys", "add", "k.json", "me", "--scope", "read", "--per-minute", "30", cwd=tmp_path)
    token = added.out.strip()
    assert find_key(read_keys(tmp_path / "k.json"), token) is not None
    refuse("serve", "keys", "add", "k.json", "me", "--scope", "read", cwd=tmp_path, says=["a key me already"])
    redheart("serve", "keys", "revoke", "k.json", "me", cwd=tmp_path)
    refuse("serve", "keys", "revoke", "k.json", "me", cwd=tmp_path, says=["no key 'me' to revoke", "keys: none"])
    listed = redheart("serve", "keys", "list", "k.json", "--json", cwd=tmp_path)
    (key,) = listed.json()
    assert (key["name"], key["scopes"], key["per_minute"]) == ("me", ["read"], 30)
    assert key["revoked"] is not None
    assert digest(token) not in listed.out
    assert "me" in redheart("serve", "keys", "list", "k.json", cwd=tmp_path).out
    assert json.loads((tmp_path / "k.json").read_text())["format"] == 1
    refuse("serve", "--keys", "none.json", cwd=tmp_path, says=["none.json"])
