"""Raw bytes on real sockets: whatever comes, no 500 and no hang, and the next good request is answered rightly."""

from __future__ import annotations

import json
import random
import re
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from front_door import Finished

pytest.importorskip("fastapi", reason="needs redheart[serve]")
from served_models import loaded
from served_pages import serving

from redheart_server.served import Models

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
BODY = json.dumps({"text": TEXT}).encode()
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
BOUND_S = 5.0
"""For the server to have said all that it says to something that is whole or broken."""


def request(body: bytes = BODY, *lines: bytes, start: bytes = b"POST /v1/analyze HTTP/1.1") -> bytes:
    head = (start, b"Host: test", b"Content-Type: application/json", *lines)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def good(body: bytes = BODY) -> bytes:
    return request(body, b"Content-Length: %d" % len(body))


CLOSING = request(BODY, b"Content-Length: %d" % len(BODY), b"Connection: close")
CHUNKED = b"Transfer-Encoding: chunked"
WHOLE = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
CASES: dict[str, tuple[bytes, set[int]]] = {
    "a good one": (good(), {200}),
    "a good one in chunks": (request(WHOLE, CHUNKED), {200}),
    "a chunk extension": (request(b"%x;a=b\r\n%s\r\n0\r\nx: y\r\n\r\n" % (len(BODY), BODY), CHUNKED), {200}),
    "two in a row": (good() + good(), {200}),
    "a good one before a broken one": (good() + b"\0\0\r\n\r\n", {200, 400}),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n", {400}),
    "empty lines": (b"\r\n\r\n\r\n\r\n", {400}),
    "a request line without an end": (b"GET /" + b"a" * 100_000, {400, 431}),
    "HTTP/0.9": (b"GET /\r\n\r\n", {400}),
    "HTTP/3.0": (request(start=b"GET / HTTP/3.0"), {200, 400, 505}),
    "a method of no kind": (b"B\0LD / HTTP/1.1\r\nHost: test\r\n\r\n", {400}),
    "a NUL in the path": (b"GET /\0 HTTP/1.1\r\nHost: test\r\n\r\n", {400}),
    "an encoded NUL in the path": (b"GET /static/%00 HTTP/1.1\r\nHost: test\r\n\r\n", {404, 422}),
    "bytes that are no UTF-8 in the path": (b"GET /v1/%ff%fe?%ff=%ff HTTP/1.1\r\nHost: test\r\n\r\n", {404}),
    "bytes that are no UTF-8 in the query": (b"GET /v1/models?model=%ff HTTP/1.1\r\nHost: test\r\n\r\n", {422}),
    "another way out of a folder": (b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\nHost: test\r\n\r\n", {404}),
    "an absolute address": (b"GET http://elsewhere/health/live HTTP/1.1\r\nHost: test\r\n\r\n", {200, 400, 404}),
    "no host": (b"GET /health/live HTTP/1.1\r\n\r\n", {400}),
    "two hosts": (b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    "a header without a colon": (request(b"", b"nothing"), {400}),
    "a header with a NUL": (request(b"", b"x: a\0b"), {400}),
    "a header with bytes of Latin-1": (request(BODY, b"x: \xe4\xff", b"Content-Length: %d" % len(BODY)), {200}),
    "a header of a megabyte": (request(b"", b"x: " + b"a" * 1_000_000), {400, 431}),
    "ten thousand headers": (request(b"", *[b"x%d: y" % number for number in range(10_000)]), {400, 431}),
    "a length below 0": (request(BODY, b"Content-Length: -5"), {400}),
    "a length that is no number": (request(BODY, b"Content-Length: \xb2"), {400}),
    "a length of many digits": (request(BODY, b"Content-Length: " + b"9" * 400), {400, 413}),
    "two lengths": (request(BODY, b"Content-Length: 5", b"Content-Length: 7"), {400}),
    "a length beside chunks": (request(WHOLE, CHUNKED, b"Content-Length: 5"), {200, 400}),
    "a length too short": (request(BODY, b"Content-Length: 7"), {400, 422}),
    "no length": (request(BODY), {400, 422}),
    "a coding of no kind": (request(BODY, b"Transfer-Encoding: gzip, chunked"), {400, 501}),
    "chunks of no kind": (request(b"zz\r\nabc\r\n", CHUNKED), {400}),
    "a chunk below 0": (request(b"-1\r\nabc\r\n", CHUNKED), {400}),
    "a chunk of many digits": (request(b"f" * 40 + b"\r\nabc\r\n", CHUNKED), {400, 413}),
    "a chunk without its end": (request(b"2\r\nabcd\r\n0\r\n\r\n", CHUNKED), {400}),
    "NULs as a body": (good(bytes(500)), {400}),
    "half of a pair of surrogates": (good(b'{"text": "\\ud800 I told him the truth."}'), {200, 422}),
    "a NUL in the text": (good(b'{"text": "I told him \\u0000 the truth."}'), {200, 422}),
    "JSON of many levels": (good(b"[" * 100_000), {400, 422}),
    "numbers beyond all": (good(b'{"text": %s}' % (b"9" * 10_000)), {400, 422}),
    "no number": (good(b'{"text": NaN}'), {400, 422}),
}  # fmt: skip
HALVES = {
    "half a head": good()[:40],
    "half a body": good()[:-10],
    "half a chunk": request(b"ff\r\nabc", CHUNKED),
    "a length too long": request(BODY, b"Content-Length: 9999"),
}
"""What a client leaves when it goes."""


@pytest.fixture(scope="module")
def where(finished: Finished) -> Iterator[tuple[str, int]]:
    models: Models = loaded(finished.model)
    with serving(models) as address:
        parts = urlsplit(address)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


@pytest.fixture(scope="module")
def expected(where: tuple[str, int]) -> bytes:
    return asked(where)


def asked(where: tuple[str, int]) -> bytes:
    """What a good request gets on a connection of its own."""
    connection = HTTPConnection(*where, timeout=60)
    connection.request("POST", "/v1/analyze", BODY, {"content-type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200
    return body


def said(where: tuple[str, int], sent: bytes, patience_s: float = BOUND_S) -> bytes:
    """What the server says to some bytes, until it closes the connection or has said something and stops.

    Args:
        where: Its address.
        sent: The bytes.
        patience_s: For the first byte; after that the client goes.
    """
    found, quiet_s = bytearray(), patience_s
    with (
        socket.create_connection(where, timeout=BOUND_S) as connection,
        suppress(BrokenPipeError, ConnectionResetError),
    ):
        connection.sendall(sent)
        while readable(connection, quiet_s) and (part := connection.recv(1 << 16)):
            found += part
            quiet_s = 0.1
    return bytes(found)


def readable(connection: socket.socket, within_s: float) -> bool:
    return bool(select.select([connection], [], [], within_s)[0])


def failed(where: tuple[str, int]) -> list[str]:
    """The routes on which the server has failed so far, as it counts them itself."""
    connection = HTTPConnection(*where, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return re.findall(r'^redheart_requests_total.*status="5\d\d".*$', text, re.MULTILINE)


def statuses(answer: bytes) -> set[int]:
    return {int(status) for status in STATUS.findall(answer)}


@pytest.mark.parametrize("name", CASES)
def test_what_is_broken_is_refused_and_the_next_request_is_answered(
    where: tuple[str, int], expected: bytes, name: str
) -> None:
    sent, allowed = CASES[name]
    found = statuses(said(where, sent))
    assert found
    assert found <= allowed
    assert asked(where) == expected
    assert failed(where) == []


@pytest.mark.parametrize("name", HALVES)
def test_a_client_that_goes_in_the_middle_leaves_nothing(where: tuple[str, int], expected: bytes, name: str) -> None:
    for _ in range(20):
        with socket.create_connection(where, timeout=BOUND_S) as connection:
            connection.sendall(HALVES[name])
    assert asked(where) == expected
    assert failed(where) == []


def test_requests_in_a_row_are_answered_in_their_order(where: tuple[str, int], expected: bytes) -> None:
    live = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n"
    with socket.create_connection(where, timeout=BOUND_S) as connection:
        connection.sendall(live + good() + live + CLOSING)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 ")[1:]]
    assert bodies == [b'{"status": "live"}', expected, b'{"status": "live"}', expected]


def test_mutations_of_good_requests(where: tuple[str, int], expected: bytes) -> None:
    """Bytes changed, left out, doubled and moved at places that a seed draws."""
    draw = random.Random(13)
    sources = [sent for sent, _ in CASES.values() if len(sent) < 2_000]
    for number in range(200):
        data = bytearray(draw.choice(sources))
        for _ in range(draw.randint(1, 6)):
            place = draw.randrange(len(data))
            match draw.randrange(4):
                case 0:
                    data[place] = draw.randrange(256)
                case 1:
                    del data[place : place + draw.randint(1, 9)]
                case 2:
                    data[place:place] = data[place : place + draw.randint(1, 40)]
                case _:
                    data[place:place] = draw.choice((b"\0", b"\r\n", b"\n", b"\r\n\r\n", b":", b"\xff", b"0\r\n\r\n"))
            data = data or bytearray(b"\0")
        assert max(statuses(said(where, bytes(data), 0.02)), default=0) < 500, (number, bytes(data))
    assert asked(where) == expected
    assert failed(where) == []
