"""Slow clients on real sockets: a head that does not come ends the connection; waiting between requests does not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs redheart[serve]")
import uvicorn

from redheart_server.process import Address, configured, listen
from redheart_server.settings import Limits

LIMIT_S = 0.5
HEAD = b"GET / HTTP/1.1\r\nHost: test\r\n"


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """An app that takes longer for /slow than a head may take."""
    if scope["type"] == "lifespan":
        for done in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{done}.complete"})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * LIMIT_S)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def where() -> Iterator[tuple[str, int]]:
    listening = listen(Address("127.0.0.1", 0))
    server = uvicorn.Server(configured(answering, Limits(receive_s=LIMIT_S)))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join(30)
    listening.close()


@contextmanager
def connected(where: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(where, timeout=20) as connection:
        yield connection


def is_closed(connection: socket.socket) -> bool:
    """Whether the server ends it, without a byte of an answer, within the time of the socket."""
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


def trickle(connection: socket.socket) -> None:
    """Header lines that never end, until the connection does."""
    connection.settimeout(0.05)
    until = time.monotonic() + 20
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while time.monotonic() < until:
            connection.sendall(b"a: b\r\n")
            with contextlib.suppress(TimeoutError):
                assert connection.recv(1000) == b""
                return
    assert time.monotonic() < until


def test_a_connection_that_never_sends_anything_is_closed(where: tuple[str, int]) -> None:
    with connected(where) as connection:
        assert is_closed(connection)


def test_a_head_that_stops_or_comes_in_pieces_without_end_is_cut_off(where: tuple[str, int]) -> None:
    with connected(where) as connection:
        connection.sendall(HEAD)
        assert is_closed(connection)
    with connected(where) as connection:
        connection.sendall(HEAD)
        trickle(connection)


def test_the_head_after_an_answer_has_the_same_limit(where: tuple[str, int]) -> None:
    with connected(where) as connection:
        connection.sendall(HEAD + b"\r\n")
        answer = b""
        while not answer.endswith(b"ok"):
            answer += connection.recv(1000)
        connection.sendall(HEAD)
        assert is_closed(connection)


def test_waiting_between_requests_or_for_an_answer_is_none_of_it(where: tuple[str, int]) -> None:
    connection = HTTPConnection(*where, timeout=20)
    for path in ("/", "/slow", "/"):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok")
        time.sleep(2 * LIMIT_S)
    connection.close()


def test_a_head_in_pieces_that_ends_in_time_is_answered(where: tuple[str, int]) -> None:
    with connected(where) as connection:
        for byte in HEAD + b"\r\n":
            connection.sendall(bytes([byte]))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
