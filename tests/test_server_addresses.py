"""Rates of client addresses where there are no keys: who is counted, and that nobody else can be used up."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from front_door import Finished, refuse

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from fastapi import Request
from served_models import loaded
from served_pages import serving

from redheart_server.access import Access
from redheart_server.addresses import Addresses
from redheart_server.problems import ProblemError
from redheart_server.served import Models

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def asks(addresses: Addresses, peer: str, *forwarded: str) -> int:
    """The status that a request of an address gets, with lines of X-Forwarded-For; 200 where it passes."""
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    request = Request({"type": "http", "client": (peer, 5), "headers": headers})
    try:
        headers_of_answer = addresses.admit(request)
    except ProblemError as problem:
        return problem.status
    assert headers_of_answer["ratelimit-policy"].startswith('"address";q=')
    return 200


@pytest.fixture(scope="module")
def models(finished: Finished) -> Models:
    return loaded(finished.model)


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_over_a_socket_a_header_counts_only_where_a_proxy_is_announced(models: Models, behind_proxy: bool) -> None:
    access = Access(addresses=Addresses(12, behind_proxy))
    with serving(models, access=access) as address, httpx.Client(base_url=address, timeout=60) as client:

        def ask(forwarded: str, path: str = "/v1/analyze") -> httpx.Response:
            headers = {"x-forwarded-for": forwarded}
            return client.post(path, json={"text": f"{TEXT} I want to die."}, headers=headers)

        answers = [ask(f"192.0.2.{number}, 198.51.100.1") for number in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[0].headers["ratelimit"].startswith('"address";r=1;t=')
        assert answers[0].headers["ratelimit-policy"] == '"address";q=2;w=10'
        assert 1 <= int(answers[2].headers["retry-after"]) <= 5
        assert next(iter(answers[2].json())) == "help"
        assert "12 times a minute" in answers[2].json()["detail"]
        assert ask("198.51.100.1, 192.0.2.0").status_code == (200 if behind_proxy else 429)
        assert ask("198.51.100.1", "/v1/analyze/page").status_code == 429
        for path in ("/health/live", "/health/ready", "/openapi.json", "/", "/static/style.css"):
            assert client.get(path).status_code == 200
        assert client.get("/v1/models").status_code == (400 if behind_proxy else 429)


def test_a_server_without_a_rate_answers_as_often_as_it_is_asked(models: Models) -> None:
    with serving(models) as address, httpx.Client(base_url=address) as client:
        answers = [client.get("/v1/models") for _ in range(50)]
    assert {one.status_code for one in answers} == {200}
    assert "ratelimit" not in answers[-1].headers


def test_what_a_client_writes_itself_stands_before_its_address() -> None:
    addresses = Addresses(6, behind_proxy=True, clock=Clock())
    assert asks(addresses, "127.0.0.1", "198.51.100.1") == 200
    assert asks(addresses, "127.0.0.1", "203.0.113.5, 198.51.100.1") == 429
    assert asks(addresses, "127.0.0.1", "203.0.113.5", "198.51.100.1") == 429
    assert asks(addresses, "127.0.0.1", "198.51.100.1, 203.0.113.5") == 200


@pytest.mark.parametrize("forwarded", [(), ("",), ("unknown",), ("198.51.100.1,",), ("198.51.100.1:80",)])
def test_a_proxy_that_names_nobody_is_an_error_and_no_common_rate(forwarded: tuple[str, ...]) -> None:
    addresses = Addresses(6, behind_proxy=True, clock=Clock())
    assert [asks(addresses, "127.0.0.1", *forwarded) for _ in range(3)] == [400, 400, 400]
    assert addresses.known == 0


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("198.51.100.1", "::ffff:198.51.100.1", True),
        ("::ffff:198.51.100.1", "::ffff:198.51.100.2", False),
        ("198.51.100.1", "198.51.100.2", False),
    ],
)
def test_who_shares_a_rate(one: str, other: str, shared: bool) -> None:
    addresses = Addresses(6, clock=Clock())
    assert asks(addresses, one) == 200
    assert asks(addresses, other) == (429 if shared else 200)


@pytest.mark.parametrize("per_minute", [1, 6, 60, 600])
def test_addresses_are_forgotten_once_nothing_of_them_counts_and_not_before(per_minute: int) -> None:
    clock = Clock()
    addresses = Addresses(per_minute, clock=clock)
    burst = max(1, per_minute // 6)
    assert [asks(addresses, "192.0.2.1") for _ in range(burst + 1)] == [200] * burst + [429]
    for number in range(200):
        clock.now += 0.001
        assert asks(addresses, f"198.51.100.{number}") == 200
    assert addresses.known == 201
    assert asks(addresses, "192.0.2.1") == (429 if per_minute < 600 else 200)
    clock.now += max(10.0, 60.0 / per_minute) + 1.0
    assert asks(addresses, "192.0.2.1") == 200
    assert addresses.known == 1


def test_options_that_would_do_nothing_are_refused(tmp_path: Path) -> None:
    keys, rate = ("--keys", "k.json"), ("--per-minute", "6")
    refuse("serve", *keys, *rate, cwd=tmp_path, says=["--per-minute", "redheart serve keys add"], code=2)
    refuse("serve", "--behind-proxy", cwd=tmp_path, says=["--behind-proxy", "give --per-minute too"], code=2)
