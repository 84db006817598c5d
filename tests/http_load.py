"""Clients of a server for load tests: plain sockets, so that they cost little beside what they measure."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import attrs


@attrs.frozen
class Reply:
    """An answer."""

    status: int
    content: bytes
    headers: Mapping[bytes, bytes] = attrs.field(eq=False)
    """In small letters."""


@attrs.define
class Connection:
    """One kept-alive connection."""

    where: tuple[str, int]
    headers: Mapping[str, str] = attrs.field(factory=dict)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> Reply:
        """The answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self.where)
        reader, writer = self._streams
        writer.write(request(path, body, self.headers) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        content = await reader.readexactly(int(fields[b"content-length"]))
        if fields.get(b"connection") == b"close":
            await self.close()
        return Reply(int(head.split(b" ", 2)[1]), content, fields)

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
    expected: Mapping[str, Mapping[str, Any]]
    """SHA-256 of a model to text to the library's JSON by that model."""
    names: Sequence[str]
    """Of models, which are asked in turn."""
    statuses: Counter[int] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)
    """Texts with another answer than the library's by the model that the answer names."""
    models: dict[str, set[tuple[str, ...]]] = attrs.field(factory=dict)
    """Of each name the models by which clients were answered, each client's in their order."""
    seconds: list[float] = attrs.field(factory=list)

    @property
    def texts(self) -> list[str]:
        """That are asked."""
        return list(next(iter(self.expected.values())))

    async def ask(self, connection: Connection, text: str, name: str) -> str:
        """One request, with its time; which model it was answered by, empty where it was not."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        reply = await connection.post(f"/v1/analyze?model={name}", json.dumps({"text": text}).encode())
        self.seconds.append(loop.time() - began)
        self.statuses[reply.status] += 1
        if reply.status != 200:
            return ""
        by = reply.headers[b"x-redheart-model-sha256"].decode()
        named = reply.headers[b"x-redheart-model"].decode() == name.lower()
        if not named or not same(json.loads(reply.content), self.expected[by][text]):
            self.wrong.append(text)
        return by

    async def run(self, requests: int, clients: int) -> float:
        """So many requests by so many clients at once; returns the seconds."""
        asked = [(text, name) for text in self.texts for name in self.names]
        numbers, loop = iter(range(requests)), asyncio.get_running_loop()

        async def client() -> None:
            connection, seen = Connection(self.where), dict[str, list[str]]()
            for number in numbers:
                text, name = asked[number % len(asked)]
                seen.setdefault(name, []).append(await self.ask(connection, text, name))
            await connection.close()
            for name, found in seen.items():
                self.models.setdefault(name, set()).add(tuple(one for one, _ in groupby(filter(None, found))))

        began = loop.time()
        await asyncio.gather(*(client() for _ in range(clients)))
        return loop.time() - began

    async def run_evenly(self, requests: int, a_second: float) -> None:
        """So many requests at even distances, whether earlier ones are answered or not."""
        texts, free = self.texts, list[Connection]()

        async def one(number: int) -> None:
            connection = free.pop() if free else Connection(self.where)
            await self.ask(connection, texts[number % len(texts)], self.names[number % len(self.names)])
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
