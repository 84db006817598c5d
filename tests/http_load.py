"""Clients of a server for load tests: plain sockets, so that they cost little beside what they measure."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs


@attrs.define
class Connection:
    """One kept-alive connection."""

    where: tuple[str, int]
    headers: Mapping[str, str] = attrs.field(factory=dict)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of an answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self.where)
        reader, writer = self._streams
        writer.write(request(path, body, self.headers) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        content = await reader.readexactly(int(fields[b"content-length"]))
        if fields.get(b"connection") == b"close":
            await self.close()
        return int(head.split(b" ", 2)[1]), content

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The head of a request."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nhost: test\r\n{length}{more}\r\n".encode()


@attrs.define
class Load:
    """Clients that ask texts whose answers are known, one after another."""

    where: tuple[str, int]
    expected: Mapping[str, Any]
    """Text to the library's JSON."""
    statuses: Counter[int] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)
    """Texts with another answer than the library's."""
    seconds: list[float] = attrs.field(factory=list)

    async def ask(self, connection: Connection, text: str) -> None:
        """One request, with its time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status, content = await connection.post("/v1/analyze", json.dumps({"text": text}).encode())
        self.seconds.append(loop.time() - began)
        self.statuses[status] += 1
        if status == 200 and not same(json.loads(content), self.expected[text]):
            self.wrong.append(text)

    async def run(self, requests: int, clients: int) -> float:
        """So many requests by so many clients at once; returns the seconds."""
        texts, loop = list(self.expected), asyncio.get_running_loop()
        numbers = iter(range(requests))

        async def client() -> None:
            connection = Connection(self.where)
            for number in numbers:
                await self.ask(connection, texts[number % len(texts)])
            await connection.close()

        began = loop.time()
        await asyncio.gather(*(client() for _ in range(clients)))
        return loop.time() - began

    async def run_evenly(self, requests: int, a_second: float) -> None:
        """So many requests at even distances, whether earlier ones are answered or not."""
        texts, free = list(self.expected), list[Connection]()

        async def one(number: int) -> None:
            connection = free.pop() if free else Connection(self.where)
            await self.ask(connection, texts[number % len(texts)])
            free.append(connection)

        async with asyncio.TaskGroup() as group:
            for number in range(requests):
                group.create_task(one(number))
                await asyncio.sleep(1 / a_second)
        for connection in free:
            await connection.close()


def same(one: Any, other: Any) -> bool:
    """Whether JSON is the same, numbers up to what another batch rounds."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)
    return type(one) is type(other) and bool(one == other)


async def cancelled(where: tuple[str, int], text: str, after_s: float) -> None:
    """A client that goes away before its answer."""
    _, writer = await asyncio.open_connection(*where)
    body = json.dumps({"text": text}).encode()
    writer.write(request("/v1/analyze", body, {}) + body)
    await asyncio.sleep(after_s)
    writer.transport.abort()


async def slow(where: tuple[str, int], text: str, for_s: float) -> int:
    """A client whose body comes in pieces; the status that it gets."""
    reader, writer = await asyncio.open_connection(*where)
    body = json.dumps({"text": text}).encode()
    writer.write(request("/v1/analyze", body, {}))
    for start in range(0, len(body), 8):
        writer.write(body[start : start + 8])
        await asyncio.sleep(8 * for_s / len(body))
    status = int((await reader.readline()).split(b" ")[1])
    writer.close()
    return status


async def oversized(where: tuple[str, int]) -> int:
    """A client that declares more than is read; the status that it gets."""
    reader, writer = await asyncio.open_connection(*where)
    writer.write(b"POST /v1/analyze HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n")
    writer.write(b"content-length: 50000000\r\n\r\n{")
    status = int((await reader.readline()).split(b" ")[1])
    writer.close()
    return status
